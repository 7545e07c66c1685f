"""Pure: what is wanted against what exists gives ordered steps. A plan is a value."""
