"""Makes mkdocs read the pages as GitHub does: the anchors of headings, links to files that are not pages, and code in tables."""

import os
import re
from pathlib import Path

_ROW, _CODE = re.compile(r"^\|.*$", re.MULTILINE), re.compile(r"`[^`\n]*`")
_LINK = re.compile(r"\[([^\]]*)\]\(([^()\s:#]+)(?:#[^()\s]*)?\)")


def slugify(title, separator):
    """Returns the anchor that GitHub makes of a heading."""
    return re.sub(r"[^\w\- ]", "", title.strip().lower()).replace(" ", separator)


def on_config(config):
    config.mdx_configs.setdefault("toc", {})["slugify"] = slugify
    return config


def on_page_markdown(markdown, page, config, files):
    """Replaces links to files outside the site by links into the repository, or by their text without REPOSITORY_URL; and `\\|` in a table's code."""
    docs = Path(config.docs_dir)
    root, repository = docs.parent, os.environ.get("REPOSITORY_URL", "").rstrip("/")

    def replace(link):
        target = (docs / page.file.src_uri).parent / link[2]
        if target.resolve().is_relative_to(docs.resolve()) and target.is_file() or not target.exists():
            # mkdocs reports what does not exist.
            return link[0]
        return f"[{link[1]}]({repository}/{os.path.relpath(target, root)})" if repository else link[1]

    plain = _ROW.sub(lambda row: _CODE.sub(lambda code: code[0].replace("\\|", "|"), row[0]), markdown)
    return _LINK.sub(replace, plain)
