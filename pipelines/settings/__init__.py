"""params.yaml as checked settings, one module per section; presets of known exports."""
