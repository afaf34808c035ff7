"""`dvc repro` in one process whose stages are forks of it: libraries are loaded once, not again for every stage."""
