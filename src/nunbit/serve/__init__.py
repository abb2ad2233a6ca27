"""A model behind HTTP: three contracts, one engine, and a page for people.

An exported folder is served without torch. Nothing here decides what an answer is: that is done by
`nunbit.predictor.Predictor`, as everywhere else.
"""
