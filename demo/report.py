"""Prints what the server says about one tag: verdict, grade, counts, every rule, the sentence, the address of the page.

Reads the answer of `GET /api/v1/repositories/{name}/-/tags/{tag}` on standard input. Ends with 75 while the verdict is
pending, so that a caller can ask again.

usage: report.py < ANSWER
"""

import json
import sys

TRY_AGAIN = 75


def main() -> int:
    answer = json.load(sys.stdin)
    verdict = answer["verdict"]
    if verdict["verdict"] == "pending":
        return TRY_AGAIN
    counts = answer["counts"]
    severities = ["critical", "high", "medium", "low", "negligible", "unknown"]
    found = ", ".join(f"{counts[severity]} {severity}" for severity in severities if counts[severity])
    print(f"image    {answer['repository']}:{answer['tag']}  {answer['digest']}")
    print(f"verdict  {verdict['verdict']}   health {answer['grade']}   {answer['packages']} packages")
    print(f"found    {found or 'nothing'}   {sum((answer['fixable'] or {}).values())} fixable")
    print()
    rows = [("OUTCOME", "RULE", "OBSERVED", "REQUIRED")]
    rows += [(rule["outcome"], rule["id"], rule["observed"], rule["required"]) for rule in verdict["rules"]]
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    for row in rows:
        print("  ".join([cell.ljust(width) for cell, width in zip(row, widths)] + [row[3]]))
    print()
    print(f"why      {answer['sentence']}")
    print(f"page     {answer['page']}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
