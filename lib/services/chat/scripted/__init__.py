"""The scripted stand-in: hears an utterance, reads a prompt's own words, answers with lines that stand in `lines`.

Prompts are never rewritten: an answer is one or two of the lines, with names and whole quoted phrases filled in.
"""
