"""Pure: an intent and the facts it asked for become a stack of AWS resources. One builder per AWS noun."""
