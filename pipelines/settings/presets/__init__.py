"""Presets: mappings of well-known exports, one YAML file each, and what reads them."""
