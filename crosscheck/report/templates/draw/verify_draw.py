"""Repeat a sealed draw: python3 verify_draw.py [FOLDER]; Python 3.9 or later. Ends with 1 if anything differs."""

import csv
import hashlib
import json
import sys
import unicodedata
from pathlib import Path

folder = Path(sys.argv[1] if len(sys.argv) > 1 else ".")
text = (folder / "frame.txt").read_bytes()
seal = json.loads((folder / "seal.json").read_text(encoding="utf-8"))
form, year, *lines = [line.split("|") for line in text.decode("utf-8").splitlines()]
draws = {name: int(number) for kind, name, number in (line for line in lines if len(line) == 3)}
frame = {line[0]: line[1:] for line in lines if len(line) == 4}
clean = [unicodedata.normalize("NFC", part).strip() for part in (seal["value"], year[1])]
wrong = [] if hashlib.sha256(text).hexdigest() == seal["frame"] else ["frame.txt is not what was sealed"]
wrong += [] if len(frame) + len(draws) == len(lines) else ["a code stands twice in frame.txt"]
# Each organisation has a ticket; in each group the smallest are drawn.
tickets = {code: hashlib.sha256("|".join([*clean, code]).encode()).hexdigest() for code in frame}
groups: dict[str, list[tuple[float, str, str]]] = {}
for code, (stratum, _chance, weight) in frame.items():
    number = (int(tickets[code][:13], 16) + 0.5) / 2**52
    order = (number / (1 - number)) / float(weight)
    groups.setdefault("*" if "*" in draws else stratum, []).append((order, tickets[code], code))
drawn = {code for name, group in groups.items() for *_, code in sorted(group)[: draws[name]]}
for name, group in groups.items():
    # Equal weights have equal chances, and the chances add up to the number drawn.
    pairs = [(frame[code][2], frame[code][1]) for *_, code in group]
    exact = len(set(pairs)) == len(dict(pairs)) and abs(sum(float(chance) for _, chance in pairs) - draws[name]) < 1e-6
    wrong += [] if exact else [f"frame.txt: the chances of {name} are not those of its draws"]
published = list(csv.DictReader((folder / "draw.csv").read_text(encoding="utf-8-sig").splitlines()))
wrong += ["draw.csv lacks or repeats an organisation"] * (sorted(row["org_code"] for row in published) != sorted(frame))
for row in published:
    code, (stratum, chance, weight) = row["org_code"], frame.get(row["org_code"], ("", "nan", "nan"))
    same = [row["stratum"], row["ticket"], row["drawn"]] == [stratum, tickets.get(code), str(code in drawn).lower()]
    close = abs(float(row["inclusion_probability"]) - float(chance)) < 1e-11 and float(row["weight"]) == float(weight)
    wrong += [] if same and close else [f"{code}: draw.csv differs from the draw"]
print(f"{len(tickets)} tickets, {len(drawn)} drawn with {seal['value']}:", "; ".join(wrong) or "as published")
sys.exit(bool(wrong))
