"""The mapping engine: from a YAML document and frames of text columns to contacts and problems."""
