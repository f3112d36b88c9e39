"""Prints what the server says about one tag: the verdict, the sentence that explains it, the address of the page.

Reads the answer of `GET /api/v1/repositories/{name}/-/tags/{tag}` on standard input. Ends with 75 while the verdict is
pending, so that a caller can ask again.

usage: report.py < ANSWER
"""

import json
import sys

TRY_AGAIN = 75


def main() -> int:
    tag = json.load(sys.stdin)
    verdict = tag["verdict"]
    if verdict["decision"] == "pending":
        return TRY_AGAIN
    print(f"verdict  {verdict['decision']}")
    print(f"reason   {verdict['explain']}")
    print(f"page     {tag['url']}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
