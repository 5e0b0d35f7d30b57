"""Make the binary documents of the sample corpus from their Markdown sources.

    python data/make_docs.py [--out DIR]

Every ``data/sources/NAME.SUFFIX.md`` becomes ``NAME.SUFFIX`` under
``data/docs``: a .docx, .pptx, .xlsx or .pdf. The text formats of the corpus
are written by hand and stand in ``data/docs`` as they are.

With the same versions of the libraries the output is the same, byte for byte:
no time of day goes into a file. The Chinese PDF embeds what it needs of the
font in ``data/sources/fonts``, so it looks the same on every machine.
"""

import argparse
import io
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from unicodedata import east_asian_width

import docx
import pptx
import xlsxwriter  # type: ignore[import-untyped]
from markdown_source import Row, Source, parse
from pdf_writer import write_pdf
from pptx.slide import Slide
from pptx.util import Emu, Inches, Pt

DATA = Path(__file__).resolve().parent

_ZIP_EPOCH = (1980, 1, 1, 0, 0, 0)


def write_docx(source: Source) -> bytes:
    """A Word document with real headings, lists and tables."""
    document = docx.Document()
    _set_properties(document.core_properties, source)
    for block in source.blocks:
        if block.kind == "table":
            table = document.add_table(rows=0, cols=len(block.rows[0]), style="Table Grid")
            for row in block.rows:
                for cell, text in zip(table.add_row().cells, row, strict=True):
                    cell.text = text
        elif block.kind == "heading":
            document.add_heading(block.text, level=block.level - 1)
        else:
            style = "List Bullet" if block.kind == "item" else None
            document.add_paragraph(block.text, style=style)
    return _saved(document.save)


def write_pptx(source: Source) -> bytes:
    """A slide for each top heading: bullets or a table, and the speaker's notes."""
    presentation = pptx.Presentation()
    _set_properties(presentation.core_properties, source)
    for number, (title, blocks) in enumerate(source.sections()):
        tables = [block.rows for block in blocks if block.kind == "table"]
        layout = 0 if number == 0 else 5 if tables else 1  # title, title only, title and content
        slide = presentation.slides.add_slide(presentation.slide_layouts[layout])
        slide.placeholders[0].text = title
        if tables:
            _add_slide_table(slide, tables[0])
        else:
            _add_bullets(slide, [b.text for b in blocks if b.kind != "note"])
        for note in (block.text for block in blocks if block.kind == "note"):
            slide.notes_slide.notes_text_frame.text = note
    return _saved(presentation.save)


def _add_bullets(slide: Slide, texts: list[str]) -> None:
    frame = slide.placeholders[1].text_frame
    frame.text = "\n".join(texts)
    for paragraph in frame.paragraphs:
        paragraph.font.size = Pt(20)


def _add_slide_table(slide: Slide, rows: tuple[Row, ...]) -> None:
    left, top, width, height = (Inches(size) for size in (0.5, 1.7, 9, 0.5))
    table = slide.shapes.add_table(
        len(rows), len(rows[0]), left, top, width, Emu(height * len(rows))
    ).table
    for index, row in enumerate(rows):
        for column, text in enumerate(row):
            cell = table.cell(index, column)
            cell.text = text
            cell.text_frame.paragraphs[0].font.size = Pt(16)


def _set_properties(properties: object, source: Source) -> None:
    values = {
        "title": source.meta["title"],
        "author": source.meta["author"],
        "last_modified_by": source.meta["author"],
        "comments": "",
        "created": source.date,
        "modified": source.date,
    }
    for name, value in values.items():
        setattr(properties, name, value)


def _saved(save: Callable[[io.BytesIO], None]) -> bytes:
    buffer = io.BytesIO()
    save(buffer)
    return _without_times(buffer.getvalue())


def _without_times(archive: bytes) -> bytes:
    """The same zip archive, with every member dated at the start of the zip calendar."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(archive)) as old, zipfile.ZipFile(buffer, "w") as new:
        for member in old.infolist():
            info = zipfile.ZipInfo(member.filename, _ZIP_EPOCH)
            info.create_system = 3  # Unix, also where this runs on Windows
            new.writestr(info, old.read(member), zipfile.ZIP_DEFLATED, compresslevel=9)
    return buffer.getvalue()


def write_xlsx(source: Source) -> bytes:
    """A workbook with a sheet for each top heading; whole numbers are stored as numbers."""
    buffer = io.BytesIO()
    workbook = xlsxwriter.Workbook(buffer, {"in_memory": True})
    workbook.set_properties(
        {"title": source.meta["title"], "author": source.meta["author"], "created": source.date}
    )
    bold = workbook.add_format({"bold": True})
    for title, (table,) in source.sections():
        sheet = workbook.add_worksheet(title)
        sheet.freeze_panes(1, 0)
        for index, row in enumerate(table.rows):
            values = [int(text) if text.isdecimal() else text for text in row]
            sheet.write_row(index, 0, values, bold if index == 0 else None)
        for index, column in enumerate(zip(*table.rows, strict=True)):
            sheet.set_column(index, index, max(map(_display_width, column)) + 2)
    workbook.close()
    return _without_times(buffer.getvalue())


def _display_width(text: str) -> int:
    return sum(2 if east_asian_width(sign) in "WF" else 1 for sign in text)


WRITERS: Mapping[str, Callable[[Source], bytes]] = {
    ".docx": write_docx,
    ".pptx": write_pptx,
    ".xlsx": write_xlsx,
    ".pdf": write_pdf,
}


def make_documents(out: Path, *, sources: Path = DATA / "sources") -> list[Path]:
    """Write every document that has a source; returns where."""
    made = []
    for source in sorted(sources.rglob("*.md")):
        target = out / source.relative_to(sources).with_suffix("")
        if target.suffix not in WRITERS:
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(WRITERS[target.suffix](parse(source.read_text(encoding="utf-8"))))
        made.append(target)
    return made


def main() -> None:
    """Make them all and say where they are."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--out", type=Path, default=DATA / "docs", metavar="DIR")
    for path in make_documents(parser.parse_args().out):
        print(f"{path} ({path.stat().st_size:,} bytes)")


if __name__ == "__main__":
    main()
