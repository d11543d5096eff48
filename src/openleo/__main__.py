"""`python -m openleo` is the `openleo` command."""

from openleo.cli import main

if __name__ == "__main__":
    main()
