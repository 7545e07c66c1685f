"""The only package that talks to AWS: clients, errors, answers to questions, what exists, and carrying out steps."""
