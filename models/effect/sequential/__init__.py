"""Looking more than once: boundaries of planned looks, confidence sequences, and what a trial can prove by when."""
