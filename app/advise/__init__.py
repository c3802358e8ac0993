"""第二意见 Advise: what a model inside the deployment is asked about a case in triage, and what of its answer is kept.

`question` and `answer` are pure rules; `book` keeps who was asked what. It calls nobody and decides nothing: the
question goes out in `deliver/ask`, `flow/second_opinion` brings the three together.
"""
