"""What the name of a file promises, and names that are made to deceive."""

from securemail.case import FileKind

_NAMES = {
    FileKind.EXECUTABLE: "exe com scr pif cpl dll msi msp mst msix appx jar apk class lnk sys ocx drv gadget "
    "application chm hlp ade adp mde xll wll dmg pkg deb rpm elf bin run",
    FileKind.SCRIPT: "js jse vbs vbe vb wsf wsh wsc sct hta ps1 psm1 ps1xml bat cmd sh bash csh ksh py pyw pl rb php "
    "lua scpt applescript reg inf jnlp msh scf url settingcontent-ms",
    FileKind.ARCHIVE: "zip rar 7z gz tgz bz2 xz zst tar cab arj ace iso img vhd vhdx",
    FileKind.DOCUMENT: "pdf doc docx docm dot dotx dotm xls xlsx xlsm xlsb xlt xltx xltm ppt pptx pptm pps ppsx rtf "
    "odt ods odp html htm xhtml ps eps one",
    FileKind.IMAGE: "jpg jpeg png gif bmp tif tiff webp ico heic svg",
    FileKind.SOUND: "mp3 wav ogg flac m4a mid midi amr wma aac",
    FileKind.VIDEO: "mp4 avi mkv mov wmv flv mpg mpeg webm m4v",
    FileKind.TEXT: "txt csv log md xml json ics vcf eml",
}
_KINDS = {ending: kind for kind, endings in _NAMES.items() for ending in endings.split()}
_RUNS = (FileKind.EXECUTABLE, FileKind.SCRIPT)
_TURNED = "\u202e\u202d\u202b\u2067\u2066"  # marks that show a name from right to left


def extension(name: str) -> str:
    """The last one, in lower case, without spaces and dots behind it that systems ignore."""
    stem, dot, ending = name.rstrip(" .\u00a0\u200b").rpartition(".")
    return ending.strip().lower() if dot and stem else ""


def kind_by_name(name: str) -> FileKind | None:
    """What a name promises; None where it promises nothing."""
    return _KINDS.get(extension(name))


def disguised(name: str, found: FileKind) -> bool:
    """Whether the name says something else than the content.

    Direction marks that turn a name around, endings that are hidden behind others, and programs that are called
    documents. A document under the name of another document is a habit, no disguise.
    """
    if any(mark in name for mark in _TURNED):
        return True
    promised = kind_by_name(name)
    if found in _RUNS:
        inner = kind_by_name(name.rstrip(" .").rpartition(".")[0])
        hidden = inner not in (None, FileKind.ARCHIVE, *_RUNS)
        return hidden or promised not in (None, *_RUNS)
    return promised in (FileKind.IMAGE, FileKind.SOUND, FileKind.VIDEO) and found is FileKind.ARCHIVE
