# SPDX-License-Identifier: Apache-2.0
"""What a disk may hold after the power went: the model behind tests/faults/test_power.py.

tests/faults/disk.c, preloaded into the server, wrote down every change below the data directory, in order, with the
begin and the end of each sync. From that journal `Disk.state(end, chance, target)` makes one state that the disk may be
in if the power goes at octet `end` of the journal:

- what was written to a file before the begin of a sync of it that has ended is there;
- of every later write, all, nothing, some of its 512-octet sectors, or zeros are there, each decided alone, so
  later writes may stand where earlier ones do not;
- names (files made, renamed, removed; directories made) stand in order, at least up to the last sync of a directory.
"""

import dataclasses
import os
import pathlib
import struct
import subprocess

SOURCE = pathlib.Path(__file__).resolve().parents[1] / "faults" / "disk.c"
HEAD = struct.Struct("<IIQQI")
OPEN, WRITE, TRUNCATE, SYNC_BEGIN, SYNC_END, UNLINK, RENAME, MKDIR = range(1, 9)
SECTOR = 512


def build_library(directory):
    library = pathlib.Path(directory) / "disk.so"
    subprocess.run(["gcc", "-O1", "-Wall", "-Werror", "-D_GNU_SOURCE", "-fPIC", "-shared", SOURCE, "-o", library, "-ldl"],
                   check=True)
    return library


@dataclasses.dataclass
class Record:
    kind: int
    file: int
    a: int
    data: bytes
    end: int  # octet of the journal behind it


class Disk:
    def __init__(self, journal, forgotten=None):
        """`forgotten`: syncs of files whose path ends so are taken for not made, to see that the judge notices."""
        self.forgotten = forgotten
        raw = pathlib.Path(journal).read_bytes()
        self.records = []
        at = 0
        while at + HEAD.size <= len(raw):
            kind, file, a, _, length = HEAD.unpack_from(raw, at)
            end = at + HEAD.size + length
            if end > len(raw):
                break
            self.records.append(Record(kind, file, a, raw[at + HEAD.size:end], end))
            at = end

    def _until(self, end):
        return [record for record in self.records if record.end <= end]

    def state(self, end, chance, target):
        """Writes one possible state into the empty directory `target`."""
        records = self._until(end)
        begun, durable = {}, {}
        forgotten = {record.file for record in records
                     if self.forgotten and record.kind == OPEN and record.data.endswith(self.forgotten.encode())}
        for at, record in enumerate(records):
            if record.kind == SYNC_BEGIN:
                begun[record.a] = at
            elif record.kind == SYNC_END and record.file not in forgotten:
                durable[record.file] = max(durable.get(record.file, -1), begun[record.a])
        keep = chance.choice([0.0, 0.3, 0.7, 0.95, 1.0])
        contents = self._contents(records, durable, keep, chance)
        for path, file in self._names(records, durable, keep, chance).items():
            place = pathlib.Path(target) / path
            if file is None:
                place.mkdir(parents=True, exist_ok=True)
            else:
                place.parent.mkdir(parents=True, exist_ok=True)
                place.write_bytes(contents.get(file, b""))

    @staticmethod
    def _contents(records, durable, keep, chance):
        contents = {}
        for at, record in enumerate(records):
            if record.kind not in (WRITE, TRUNCATE):
                continue
            content = contents.setdefault(record.file, bytearray())
            is_durable = at < durable.get(record.file, -1)
            if record.kind == TRUNCATE:
                if is_durable or chance.random() < keep:
                    del content[record.a:]
                    content.extend(bytes(record.a - len(content)))
                continue
            data = record.data
            if not is_durable and chance.random() >= keep:
                way = chance.choice(["nothing", "sectors", "zeros"])
                if way == "nothing":
                    continue
                data = torn(content, record.a, data, chance) if way == "sectors" else bytes(len(data))
            if len(content) < record.a:
                content.extend(bytes(record.a - len(content)))
            content[record.a:record.a + len(data)] = data
        return {file: bytes(content) for file, content in contents.items()}

    @staticmethod
    def _names(records, durable, keep, chance):
        """{path: file id, or None for a directory}."""
        directories = {record.file for record in records
                       if record.kind == OPEN and record.a == 0} & set(durable)
        changes = [at for at, record in enumerate(records)
                   if record.kind in (UNLINK, RENAME, MKDIR) or (record.kind == OPEN and record.a == 1)]
        paths = {record.file: record.data.decode() for record in records if record.kind == OPEN}
        made = {record.data.decode() for record in records if record.kind == MKDIR} | {""}
        safe = max((durable[file] for file in directories if paths[file] in made), default=-1)
        loose = [at for at in changes if at >= safe]
        kept = round(len(loose) * keep) if keep in (0.0, 1.0) else chance.randint(0, len(loose))
        last = loose[kept - 1] if kept else -1
        names = {}
        for at in changes:
            if at >= safe and at > last:
                break
            record = records[at]
            text = record.data.decode()
            if record.kind == UNLINK:
                names.pop(text, None)
            elif record.kind == RENAME:
                old, new = text.split("\0")
                names[new] = names.pop(old)
            else:
                names[text] = None if record.kind == MKDIR else record.file
        return names


def torn(content, offset, data, chance):
    """`data` with some of its sectors as they were before."""
    mixed = bytearray(data)
    for start in range(0, len(data), SECTOR):
        if chance.random() < 0.5:
            old = bytes(content[offset + start:offset + min(start + SECTOR, len(data))])
            mixed[start:start + SECTOR] = old + bytes(len(mixed[start:start + SECTOR]) - len(old))
    return bytes(mixed)


def size(path):
    return os.stat(path).st_size
