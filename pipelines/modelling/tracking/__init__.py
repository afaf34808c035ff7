"""All of MLflow: runs, registry, model card, plots, the served model."""
