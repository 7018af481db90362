"""The program `openhall`: the command line and the web, brought together."""

from openhall.cli.main import Doors, program
from openhall.web.serving import serve


def main() -> None:
    """Run the program."""
    program(obj=Doors(serve=serve))


if __name__ == "__main__":
    main()
