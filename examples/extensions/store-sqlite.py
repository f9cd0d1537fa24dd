#!/usr/bin/env python3
"""A data store in an SQLite database. It keeps every commit, and hands out the newest.

    DATA_STORE_EXEC=/path/to/store-sqlite.py
    DISCOVERY_MAP_EXEC="/path/to/store-sqlite.py --document=discovery-map --action=fetch"
    MESH_DATABASE=/path/to/mesh.db
"""

import argparse
import hashlib
import json
import os
import sqlite3
import sys

DONE, UNCHANGED, RETRY, CONFLICT, FATAL, USAGE = 0, 30, 31, 32, 1, 64


class Failure(Exception):
    def __init__(self, code, message):
        super().__init__(message)
        self.code = code


def newest(database, name):
    query = "SELECT version, content FROM commits WHERE name = ? ORDER BY id DESC LIMIT 1"
    return database.execute(query, [name]).fetchone()


def fetch(database, name, previous, path):
    row = newest(database, name)
    if row is None:
        raise Failure(RETRY, f"no {name} has been committed yet")
    version, content = row
    if version == previous:
        return UNCHANGED
    document = {**json.loads(content), "document-version": version}
    with open(path, "w", encoding="utf-8") as file:
        json.dump(document, file)
    return DONE


def commit(database, name, previous, path):
    with open(path, encoding="utf-8") as file:
        document = json.load(file)
    if not isinstance(document, dict):
        raise Failure(FATAL, "the document to commit is not a JSON object")
    document.pop("document-version", None)  # the store makes its own: a hash of all the rest
    content = json.dumps(document, sort_keys=True)
    version = hashlib.sha256(content.encode()).hexdigest()[:32]
    with database:  # one transaction: a reader sees this commit whole or not at all
        database.execute("BEGIN IMMEDIATE")  # nobody else commits between the comparison and the end
        if previous and previous != (newest(database, name) or [None])[0]:
            raise Failure(CONFLICT, f"not committed: the current version is not {previous}")
        insert = "INSERT INTO commits (name, version, content) VALUES (?, ?, ?)"
        database.execute(insert, [name, version, content])
    return DONE


def main():
    parser = argparse.ArgumentParser(allow_abbrev=False)
    for name in ("api-version", "action-file", "document", "action", "previous-document-version",
                 "document-version"):
        parser.add_argument(f"--{name}", default="")
    # Arguments that this program does not know are ignored: a later version may pass more.
    given, _ = parser.parse_known_args()
    if given.api_version != "1":
        raise Failure(USAGE, f"I speak api version 1, and was called with {given.api_version!r}")
    if not given.action_file or not given.document or given.action not in ("fetch", "commit"):
        raise Failure(USAGE, "needs --action-file, --document, and --action=fetch or commit")
    if given.document_version:  # the newest one must not be taken for it
        raise Failure(FATAL, "I hand out the newest version alone")
    path = os.environ.get("MESH_DATABASE")
    if not path:
        raise Failure(USAGE, "MESH_DATABASE is not set")
    database = sqlite3.connect(path, timeout=10)
    with database:
        database.execute("CREATE TABLE IF NOT EXISTS commits"
                         " (id INTEGER PRIMARY KEY, name TEXT, version TEXT, content TEXT)")
    if given.action == "fetch":
        return fetch(database, given.document, given.previous_document_version, given.action_file)
    return commit(database, given.document, given.previous_document_version, given.action_file)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Failure as failure:
        print(f"store-sqlite: {failure}", file=sys.stderr)
        sys.exit(failure.code)
    except sqlite3.OperationalError as error:  # locked, or on a disk that is not there yet
        print(f"store-sqlite: {error}", file=sys.stderr)
        sys.exit(RETRY)
    except (OSError, ValueError, sqlite3.Error) as error:
        print(f"store-sqlite: {error}", file=sys.stderr)
        sys.exit(FATAL)
