"""Between the model and boto3's parameters: one file per noun, both directions, so a field's spelling stands once."""
