"""Pure: what users wrote, read once into typed values; every bad value is reported at once."""
