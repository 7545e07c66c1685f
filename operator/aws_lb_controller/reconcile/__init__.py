"""The imperative shell: one short file per controller, each read as a paragraph."""
