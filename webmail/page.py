"""The frame of the few pages that people without a log-in see: no script, nothing loaded from anywhere."""

import base64
import hashlib
from html import escape

_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:46rem;margin:2rem auto;padding:0 1rem;color:#1d2330}"
    "dl{display:grid;grid-template-columns:auto 1fr;gap:.3rem 1rem}dt{color:#4a5468}dd{margin:0;overflow-wrap:anywhere}"
    "pre{white-space:pre-wrap;overflow-wrap:anywhere;background:#f3f5f9;padding:1rem;border-radius:.5rem;font:inherit}"
    "form{display:inline-block;margin:0 .6rem .6rem 0}button{font:inherit;padding:.5rem 1.1rem;border-radius:.4rem;"
    "border:1px solid #1f5fbf;background:#1f5fbf;color:#fff;cursor:pointer}button.plain{background:#fff;color:#1f5fbf}"
    "button:focus-visible{outline:3px solid #ffb000;outline-offset:2px}"
)
_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
POLICY = f"default-src 'none'; style-src 'sha256-{_HASH}'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"


def html(language: str, title: str, body: str) -> str:
    """``title`` is text, ``body`` is HTML."""
    return (
        f'<!doctype html><html lang="{language}"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><style>{_STYLE}</style></head>'
        f"<body><main><h1>{escape(title)}</h1>{body}</main></body></html>"
    )
