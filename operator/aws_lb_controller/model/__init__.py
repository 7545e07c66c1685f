"""AWS's resources as we want them: plain frozen values, without I/O. One file per noun."""
