"""The coordinating office's pages: server-rendered, usable without JavaScript.

Views parse, call one verb and answer; no rule of the stream is decided here.
"""
