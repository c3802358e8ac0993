"""The stage 转: likeness of reports, measured on labelled pairs, and how candidates are found."""
