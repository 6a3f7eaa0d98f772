"""`python -m jielong` and `jielong`: whatever a user can cause ends as one line and exit status 2."""

from __future__ import annotations

import os
import sys


def main() -> None:
    from .reporting.terminal import plain_output

    with plain_output():
        _main()


def _main() -> None:
    import click

    from .cli import group
    from .errors import JielongError

    try:
        status = group.main(prog_name="jielong", standalone_mode=False)
    except (click.exceptions.Abort, KeyboardInterrupt):
        sys.exit(130)
    except click.exceptions.NoArgsIsHelpError as error:  # a command of commands that stands alone
        print(error.format_message())  # noqa: T201
        sys.exit(0)
    except click.ClickException as error:
        _end(error.format_message())
    except JielongError as error:
        _end(str(error))
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except UnicodeError:  # of an argument or of standard input, which are decoded as they come
        _end("a text that was given is not UTF-8; convert it, for example with iconv")
    except OSError as error:
        _end(f"{error.filename or 'the system'}: {error.strerror}; free space or use another folder, then run it again")
    except Exception as error:
        _end(_fault(error))
    sys.exit(status if isinstance(status, int) else 0)


def _fault(error: Exception) -> str:
    """An exception that nobody expected in one line; its traceback is kept."""
    from .cli.fault_log import FILE, kept_faults
    from .faults import fault
    from .runtime.home import home_path

    with kept_faults():
        return f"a fault of this program or of a plugin: {fault(error)}; its traceback is in {home_path() / FILE}"


def _end(message: str) -> None:
    from .cli.messages import in_language

    print(f"jielong: {in_language(' '.join(message.split()))}", file=sys.stderr)  # noqa: T201
    sys.exit(2)


if __name__ == "__main__":
    main()
