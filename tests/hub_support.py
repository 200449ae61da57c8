"""A Hugging Face hub of one process: what huggingface_hub asks of the real one, over HTTP, for repositories of small
files."""

import base64
import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import constants


class Hub:
    """``repositories``: {name: [files of each commit, oldest first]}; ``url``: where it listens."""

    def __init__(self) -> None:
        self.repositories: dict[str, list[dict[str, bytes]]] = {}
        self.url = ""

    def commit(self, name: str, revision: str) -> tuple[str, dict[str, bytes]] | None:
        """Returns id and files of a revision: main, or a commit's id."""
        commits = {f"{number:040x}": files for number, files in enumerate(self.repositories.get(name, []), 1)}
        sha = list(commits)[-1] if revision == "main" and commits else revision
        return (sha, commits[sha]) if sha in commits else None


def handler(hub: Hub) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def log_message(self, format: str, *arguments: Any) -> None:
            pass

        def answer(self, body: bytes, code: int = 200, **headers: str) -> None:
            self.send_response(code)
            for name, value in {"Content-Length": str(len(body)), **headers}.items():
                self.send_header(name.replace("_", "-"), value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        def say(self, value: Any, code: int = 200, **headers: str) -> None:
            self.answer(json.dumps(value).encode(), code, Content_Type="application/json", **headers)

        def do_GET(self) -> None:
            path = self.path.partition("?")[0]
            if path.startswith(("/api/models/", "/api/datasets/")):
                owner, repository, *rest = path.split("/")[3:]
                name, revision = f"{owner}/{repository}", rest[1] if len(rest) > 1 else "main"
                if name not in hub.repositories:
                    return self.say({"error": "no"}, 404, X_Error_Code="RepoNotFound")
                found = hub.commit(name, revision)
                if found is None:
                    return self.say({"error": "no"}, 404, X_Error_Code="RevisionNotFound")
                sha, files = found
                if rest[:1] == ["tree"]:
                    rows = [
                        {"type": "file", "path": file, "size": len(data), "oid": hashlib.sha1(data).hexdigest()}
                        for file, data in files.items()
                    ]
                    return self.say(rows)
                return self.say({"id": name, "sha": sha, "siblings": [{"rfilename": file} for file in files]})
            if path == "/api/whoami-v2":
                return self.say({"name": "me", "type": "user"})
            path = path.removeprefix("/datasets")
            if path.count("/") < 5:  # the client asks for more than a hub has to know
                return self.say({"error": "no"}, 404)
            owner, repository, _, revision, file = path.strip("/").split("/", 4)
            found = hub.commit(f"{owner}/{repository}", revision)
            assert found
            data = found[1][file]
            etag = f'"{hashlib.sha1(data).hexdigest()}"'
            return self.answer(data, X_Repo_Commit=found[0], ETag=etag)

        do_HEAD = do_GET

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            if self.path == "/api/repos/create":
                asked = json.loads(body)
                name = f"{asked.get('organization') or 'me'}/{asked['name']}"
                hub.repositories.setdefault(name, [])
                return self.say({"url": f"{hub.url}/{name}", "name": name})
            if self.path == "/api/validate-yaml":
                return self.say({"errors": [], "warnings": []})
            owner, repository, action = self.path.removeprefix("/api/models/").split("/")[:3]
            if action == "preupload":
                files = [
                    {"path": file["path"], "uploadMode": "regular", "shouldIgnore": False}
                    for file in json.loads(body)["files"]
                ]
                return self.say({"files": files})
            added = {}
            for line in body.splitlines():
                said = json.loads(line)
                if said["key"] == "file":
                    added[said["value"]["path"]] = base64.b64decode(said["value"]["content"])
            commits = hub.repositories[f"{owner}/{repository}"]
            commits.append((commits[-1] if commits else {}) | added)
            sha = f"{len(commits):040x}"
            return self.say({"commitOid": sha, "commitUrl": f"{hub.url}/{owner}/{repository}/commit/{sha}"})

    return Handler


@contextmanager
def running_hub(cache: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """Runs a hub that huggingface_hub takes for the real one; what it fetches lies in ``cache``."""
    hub = Hub()
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler(hub))
    hub.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    monkeypatch.setattr(constants, "ENDPOINT", hub.url)
    places = f"{hub.url}/{{repo_id}}/resolve/{{revision}}/{{filename}}"
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", places)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(cache))
    monkeypatch.setenv("HF_TOKEN", "hf_of_this_test")
    try:
        yield hub
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
