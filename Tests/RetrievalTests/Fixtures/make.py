"""Makes the gzip and mail fixtures with Python's zlib and email modules: python3 make.py"""
import email, email.message, email.policy, io, pathlib, struct, zlib
from email.mime.application import MIMEApplication
from email.mime.message import MIMEMessage
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from email.header import Header
from email import charset

here = pathlib.Path(__file__).parent
text = "".join(f"Line {n} of the text: {n} squared is {n * n}.\n" for n in range(1500)).encode()


def member(data, level=9, strategy=zlib.Z_DEFAULT_STRATEGY, flags=0, extra=b""):
    packer = zlib.compressobj(level, zlib.DEFLATED, -15, 9, strategy)
    body = packer.compress(data) + packer.flush()
    head = b"\x1f\x8b\x08" + bytes([flags]) + b"\0\0\0\0\0\x03" + extra
    if flags & 2:
        head += struct.pack("<H", zlib.crc32(head) & 0xFFFF)
    return head + body + struct.pack("<II", zlib.crc32(data), len(data) & 0xFFFFFFFF)


files = {
    "stored": member(text, 0),
    "fast": member(text, 1),
    "best": member(text, 9),
    "fixed": member(text, 9, zlib.Z_FIXED),
    "huffman": member(text, 9, zlib.Z_HUFFMAN_ONLY),
    "members": member(text[:20000], 9) + member(b"", 9) + member(text[20000:], 1) + b"\0" * 40,
    "header": member(text, 9, flags=2 | 4 | 8 | 16, extra=b"\x05\0abcde" + b"name.txt\0" + b"a comment\0"),
    "bomb": member(b"\0" * (24 << 20), 9),
}
for name, data in files.items():
    (here / "gzip" / f"{name}.txt.gz").write_bytes(data)


def keep(name, message, policy=email.policy.compat32):
    (here / "mail" / f"{name}.eml").write_bytes(message.as_bytes(policy=policy))


def described(message, subject, sender="Ada Löve <ada@example.org>"):
    message["From"] = Header("Ada Löve", "utf-8").encode() + " <ada@example.org>"
    message["To"] = "bob@example.org"
    message["Date"] = "Mon, 5 Jan 2026 10:00:00 +0100"
    message["Subject"] = Header(subject, "utf-8", maxlinelen=60)
    return message


long = "Grüße aus Köln: " + "ein langer Satz mit vielen Wörtern, der umbrochen werden muss " * 4
quoted = charset.Charset("utf-8")
quoted.body_encoding = charset.QP
part = MIMEText("", "plain")
del part["MIME-Version"], part["Content-Transfer-Encoding"], part["Content-Type"]
plain = MIMEText(long + "\n= gleich = und ein Punkt\n.\n", "plain", quoted)
keep("quoted", described(plain, "Über die Gärten von Köln und was man im Frühling dort findet"))
latin = MIMEText("caf\u00e9 cr\u00e8me \u00a3 5\n", "plain", "iso-8859-1")
keep("latin", described(latin, "Café"))
both = MIMEMultipart("alternative")
both.attach(MIMEText("The plain words.\n", "plain"))
both.attach(MIMEText("<p>The <b>rich</b> words.</p>", "html"))
keep("alternative", described(both, "Two ways"))
page = MIMEText("<html><body><h1>Hall</h1><p>Only &amp; ever HTML: süß</p></body></html>", "html", "utf-8")
keep("html", described(page, "Page"))
inner = described(MIMEText("The inner letter.\n", "plain"), "Inner")
mixed = MIMEMultipart("mixed")
mixed.attach(both)
attached = MIMEText("col1,col2\n1,2\n", "csv")
attached.add_header("Content-Disposition", "attachment", filename="table.csv")
mixed.attach(attached)
binary = MIMEApplication(bytes(range(256)))
binary.add_header("Content-Disposition", "attachment", filename=("utf-8", "", "Zeichnung für Ödön.bin"))
mixed.attach(binary)
mixed.attach(MIMEMessage(inner))
keep("mixed", described(mixed, "All kinds"))
