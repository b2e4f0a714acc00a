"""The one error of a script, at its place."""


class SieveError(Exception):
    """The script does not follow the language, or goes beyond a limit. Lines and columns count from 1."""

    def __init__(self, text: str, line: int = 0, column: int = 0) -> None:
        super().__init__(f"line {line}, column {column}: {text}" if line else text)
        self.text = text
        self.line = line
        self.column = column
