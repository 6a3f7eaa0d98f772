"""PDF, DOCX and EPUB files as people have them, made on the spot."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence

from docx import Document as Word

IMAGE = (
    "<</Type/XObject/Subtype/Image/Width 1/Height 1/ColorSpace/DeviceGray/BitsPerComponent 8/Length 1>>"
    "stream\n0\nendstream"
)


def pdf(pages: Sequence[Sequence[str]], images: Sequence[int] = (), outline: Sequence[tuple[str, int]] = ()) -> bytes:
    """Each page a list of lines, tabs between what stands in columns; those in `images` (from 0) show a picture.

    Any script, by a font without glyphs.
    """
    letters = sorted({letter for lines in pages for line in lines for letter in line})
    code = {letter: number + 1 for number, letter in enumerate(letters)}
    mapping = "\n".join(f"<{n:04x}> <{c.encode('utf-16-be').hex()}>" for c, n in code.items())
    to_unicode = (
        "/CIDInit /ProcSet findresource begin 12 dict begin begincmap /CMapName /X def /CMapType 2 def\n"
        f"1 begincodespacerange <0000> <ffff> endcodespacerange {len(code)} beginbfchar\n{mapping}\n"
        "endbfchar endcmap end end"
    )
    objects: dict[int, str] = {
        3: "<</Type/Font/Subtype/Type0/BaseFont/F/Encoding/Identity-H/DescendantFonts[4 0 R]/ToUnicode 5 0 R>>",
        4: "<</Type/Font/Subtype/CIDFontType2/BaseFont/F/CIDSystemInfo<</Registry(A)/Ordering(I)/Supplement 0>>/DW 500"
        "/FontDescriptor<</Type/FontDescriptor/FontName/F/Flags 4>>>>",
        5: f"<</Length {len(to_unicode)}>>stream\n{to_unicode}\nendstream",
        6: IMAGE,
    }
    numbers = []
    for number, lines in enumerate(pages):
        body = "BT /F1 12 Tf " + " ".join(
            f"1 0 0 1 {72 + 150 * column} {720 - 14 * row} Tm <{''.join(f'{code[letter]:04x}' for letter in cell)}> Tj"
            for row, line in enumerate(lines)
            for column, cell in enumerate(line.split("\t"))
        )
        body += " ET" + (" q 500 0 0 700 50 50 cm /I1 Do Q" if number in images else "")
        page = 10 + 2 * number
        numbers.append(page)
        picture = "/XObject<</I1 6 0 R>>" if number in images else ""
        objects[page] = (
            f"<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Contents {page + 1} 0 R"
            f"/Resources<</Font<</F1 3 0 R>>{picture}>>>>"
        )
        objects[page + 1] = f"<</Length {len(body)}>>stream\n{body}\nendstream"
    objects[2] = f"<</Type/Pages/Count {len(numbers)}/Kids[{' '.join(f'{n} 0 R' for n in numbers)}]>>"
    objects[1] = "<</Type/Catalog/Pages 2 0 R>>"
    data = pdf_of(objects)
    if outline:
        from pypdf import PdfReader, PdfWriter

        writer = PdfWriter(PdfReader(io.BytesIO(data)))
        for title, page in outline:
            writer.add_outline_item(title=title, page_number=page)
        buffer = io.BytesIO()
        writer.write(buffer)
        data = buffer.getvalue()
    return data


def pdf_of(objects: dict[int, str]) -> bytes:
    data, places = b"%PDF-1.7\n", {}
    for number in sorted(objects):
        places[number] = len(data)
        data += f"{number} 0 obj\n{objects[number]}\nendobj\n".encode("latin-1")
    start, top = len(data), max(objects) + 1
    data += f"xref\n0 {top}\n0000000000 65535 f \n".encode()
    for number in range(1, top):
        data += f"{places.get(number, 0):010d} 00000 {'n' if number in places else 'f'} \n".encode()
    return data + f"trailer<</Size {top}/Root 1 0 R>>\nstartxref\n{start}\n%%EOF\n".encode()


def encrypted(data: bytes, password: str, algorithm: str = "AES-256") -> bytes:
    from pypdf import PdfReader, PdfWriter

    writer = PdfWriter(PdfReader(io.BytesIO(data)))
    writer.encrypt(password, owner_password="owner", algorithm=algorithm)
    buffer = io.BytesIO()
    writer.write(buffer)
    return buffer.getvalue()


def word(*parts: str | list[list[str]] | tuple[str, str]) -> bytes:
    """Paragraphs, tables, and (style, text)."""
    document = Word()
    for part in parts:
        if isinstance(part, list):
            table = document.add_table(len(part), len(part[0]))
            for row, texts in zip(table.rows, part, strict=True):
                for cell, text in zip(row.cells, texts, strict=True):
                    cell.text = text
        elif isinstance(part, tuple):
            document.add_paragraph(part[1], style=part[0])
        else:
            document.add_paragraph(part)
    buffer = io.BytesIO()
    document.save(buffer)
    return buffer.getvalue()


def word_with_body(xml: str, notes: str = "") -> bytes:
    """A document whose body holds this XML, with the prefixes w, m, v, wps, mc."""
    data = word("PLACE")
    spaces = (
        'xmlns:wps="http://schemas.microsoft.com/office/word/2010/wordprocessingShape"'
        ' xmlns:v="urn:schemas-microsoft-com:vml"'
        ' xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006"'
    )
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as source, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as target:
        for member in source.infolist():
            content = source.read(member)
            if member.filename == "word/document.xml":
                text = content.decode()
                start, end = text.index("<w:body>") + 8, text.index("<w:sectPr")
                text = (text[:start] + xml + text[end:]).replace("<w:body>", f"<w:body {spaces}>", 1)
                content = text.encode()
            if notes and member.filename == "word/_rels/document.xml.rels":
                kind = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/footnotes"
                relation = f'<Relationship Id="rIdN" Type="{kind}" Target="footnotes.xml"/></Relationships>'
                content = content.replace(b"</Relationships>", relation.encode())
            if notes and member.filename == "[Content_Types].xml":
                kind = "application/vnd.openxmlformats-officedocument.wordprocessingml.footnotes+xml"
                override = f'<Override PartName="/word/footnotes.xml" ContentType="{kind}"/></Types>'
                content = content.replace(b"</Types>", override.encode())
            target.writestr(member.filename, content)
        if notes:
            space = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
            target.writestr("word/footnotes.xml", f'<w:footnotes xmlns:w="{space}">{notes}</w:footnotes>')
    return out.getvalue()


def zipped(members: dict[str, str | bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            kind = zipfile.ZIP_STORED if name == "mimetype" else zipfile.ZIP_DEFLATED
            archive.writestr(name, content, compress_type=kind)
    return buffer.getvalue()


def said_to_be_large(archive: bytes, size: int) -> bytes:
    """As a bomb: its directory tells of 500 MB where one of this size is."""
    return archive.replace(size.to_bytes(4, "little"), (500_000_000).to_bytes(4, "little"))


def epub(chapters: Sequence[str], extra: dict[str, str | bytes] | None = None) -> bytes:
    manifest = "".join(f'<item id="c{n}" href="text/ch%20{n}.xhtml"/>' for n in range(len(chapters)))
    spine = "".join(f'<itemref idref="c{n}"/>' for n in range(len(chapters)))
    return zipped(
        {
            "mimetype": "application/epub+zip",
            "META-INF/container.xml": '<container><rootfiles><rootfile full-path="O/p.opf"/></rootfiles></container>',
            "O/p.opf": f"<package><manifest>{manifest}</manifest><spine>{spine}</spine></package>",
            **{
                f"O/text/ch {n}.xhtml": f'<?xml version="1.0" encoding="utf-8"?><html><head><title>t</title></head>'
                f"<body>{body}</body></html>"
                for n, body in enumerate(chapters)
            },
            **(extra or {}),
        }
    )
