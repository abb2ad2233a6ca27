"""The comparison of several runs: its numbers, its verdicts in words, and its page."""
