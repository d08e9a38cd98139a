"""Checkpoints in the authors' format, and their forward pass, written from its
description and not from our code: one sentence at a time, word by word."""

import pickle
from pathlib import Path

import torch
from torch import nn

UNITS = {"lstm": nn.LSTM, "gru": nn.GRU, "rnn": nn.RNN}
TAGS = ["O", "S-LOC", "B-PER", "E-PER", "I-PER", "S-PER", "B-LOC", "E-LOC", "I-LOC"]
WORDS = ["the", "The", "Ada", "Lovelace", "lived", "in", "London", ".", "x-1", "Tarvik"]
LM_WORDS = ["the", "\n", "Ada", "<unk>", "London"]
SENTENCES = [
    ["Ada", "Lovelace", "lived", "in", "London", "."],
    ["London"],
    ["the", "unknown", "Ärger", "in", "TARVIK", "x-1"],
    ["The"] * 12 + ["Ada", "lived"],
]


def make_maps(tags=TAGS):
    """Two different vocabularies, gaps among the characters, symbols anywhere."""
    letters = sorted({letter for word in WORDS for letter in word} | {" ", "\n"})
    lower = list(dict.fromkeys(word.lower() for word in WORDS))
    return {
        "flm_map": _number([*WORDS[:6], "\n", "<unk>", *WORDS[6:]]),
        "blm_map": _number(["<unk>", *reversed(WORDS[2:]), "\n"]),
        "gw_map": _number([*lower[:3], "<unk>", *lower[3:], "<\n>"]),
        "c_map": {**{c: 2 * i for i, c in enumerate(letters)}, "<unk>": 101},
        "y_map": _number([*tags, "<s>", "<eof>"]),
    }


def _number(keys):
    return {key: i for i, key in enumerate(keys)}


class Authors:
    """Random weights, and what they give.

    layers (tuple): Layers of each direction; None for a tagger without language models.
    gates (tuple): Gates of each direction, or None where they are not stored.
    """

    def __init__(
        self, *, layers=(2, 2), gates=(None, None), unit="lstm", maps=None, seed=0
    ):
        torch.manual_seed(seed)
        self.maps = maps or make_maps()
        self.unit, self.layers, self.gates = unit, layers, gates
        self.lm, self.hid, self.wd, self.ch, self.wh = 6, 4, 5, 3, 4
        weights = {
            "char_embed.weight": torch.randn(102, 4),
            "word_embed.weight": torch.randn(len(self.maps["gw_map"]), self.wd),
            "char_seq.weight": torch.randn(self.wd, 2 * self.ch),
            "char_seq.bias": torch.randn(self.wd),
        }
        self.rnns = {}
        inputs = 2 * self.wd
        if layers is not None:
            inputs += self.wd
            width = sum(self.lm + n * self.hid for n in layers)
            weights["lm_seq.weight"] = torch.randn(self.wd, width) / 2
            weights["lm_seq.bias"] = torch.randn(self.wd)
            for side, number, own in zip("fb", layers, gates):
                table = torch.randn(len(self.maps[f"{side}lm_map"]), self.lm)
                weights[f"{side}_lm.word_embed.weight"] = table
                if own is not None:
                    weights[f"{side}_lm.rnn.weight_list"] = torch.tensor(own)
                for k in range(number):
                    name = f"{side}_lm.rnn.layer.{k}.layer."
                    self._rnn(weights, name, self.lm + k * self.hid, self.hid)
        self._rnn(weights, "char_fw.", 4, self.ch)
        self._rnn(weights, "char_bw.", 4, self.ch)
        self._rnn(weights, "word_rnn.", inputs, self.wh, bidirectional=True)
        n_tags = len(self.maps["y_map"])
        weights["crf.transitions"] = torch.randn(n_tags, n_tags)
        weights["crf.hidden2tag.weight"] = torch.randn(n_tags, 2 * self.wh) * 2
        weights["crf.hidden2tag.bias"] = torch.randn(n_tags)
        self.weights = weights

    def _rnn(self, weights, name, inputs, hidden, **kind):
        rnn = UNITS[self.unit](inputs, hidden, **kind)
        for key, value in rnn.named_parameters():
            weights[name + key] = value.detach()
        self.rnns[name] = rnn

    def config(self):
        def lm(number, backward):
            params = {"layer_num": number, "emb_dim": self.lm, "unit_type": self.unit}
            params["hid_dim"] = self.hid if number else -1
            return {"backward": backward, "rnn_params": params}

        pair = (None, None)
        if self.layers is not None:
            pair = (lm(self.layers[0], False), lm(self.layers[1], True))
        return {
            "forward_lm": pair[0],
            "backward_lm": pair[1],
            "word_embed_num": len(self.maps["gw_map"]),
            "word_embed_dim": self.wd,
            "char_embed_num": 102,
            "char_embed_dim": 4,
            "char_hidden": self.ch,
            "word_hidden": self.wh,
            "droprate": 0.4,
            "y_num": len(self.maps["y_map"]),
            "unit_type": self.unit,
        }

    def save(self, path, *, maps=True, config=True):
        content = {"model": dict(self.weights)}
        if maps:
            content.update(self.maps)
        if config:
            content["config"] = self.config()
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        torch.save(content, path, _use_new_zipfile_serialization=False)
        return path

    def save_maps(self, path):
        with open(path, "wb") as file:
            pickle.dump({**self.maps, "emb_array": [[0.5]], "train_data": []}, file)
        return path

    def lm_output(self, side, ids):
        x = self.weights[f"{side}_lm.word_embed.weight"][ids].unsqueeze(1)
        number = self.layers["fb".index(side)]
        gates = self.gates["fb".index(side)] or [1.0] * number
        for k in range(number):
            h = self.rnns[f"{side}_lm.rnn.layer.{k}.layer."](x)[0]
            x = torch.cat([x, gates[k] * h], dim=-1)
        return x[:, 0]

    def emissions(self, words):
        """All n + 1 positions."""
        n, w = len(words), self.weights
        with torch.no_grad():
            parts = [self._characters(words)]
            if self.layers is not None:
                parts.append(self._context(words))
            gw = self.maps["gw_map"]
            ids = [gw.get(word.lower(), gw["<unk>"]) for word in words] + [gw["<\n>"]]
            parts.append(w["word_embed.weight"][ids])
            x = torch.cat(parts, dim=-1).unsqueeze(1)
            h = self.rnns["word_rnn."](x)[0][:, 0]
            assert len(h) == n + 1
            return h @ w["crf.hidden2tag.weight"].T + w["crf.hidden2tag.bias"]

    def _context(self, words):
        w, n = self.weights, len(words)
        f, b = self.maps["flm_map"], self.maps["blm_map"]
        ahead = [f.get(word, f["<unk>"]) for word in words] + [f["\n"]]
        behind = [b["\n"]] + [b.get(word, b["<unk>"]) for word in reversed(words)]
        back = self.lm_output("b", behind)[[n - i for i in range(n + 1)]]
        both = torch.cat([self.lm_output("f", ahead), back], dim=-1)
        return torch.relu(both @ w["lm_seq.weight"].T + w["lm_seq.bias"])

    def _characters(self, words):
        w, c = self.weights, self.maps["c_map"]
        text = "".join(word + " " for word in words)
        ids = [c.get(letter, c["<unk>"]) for letter in text]
        table = w["char_embed.weight"]
        ahead = self.rnns["char_fw."](table[ids + [c["\n"]]].unsqueeze(1))[0][:, 0]
        behind = self.rnns["char_bw."](table[[c["\n"]] + ids[::-1]].unsqueeze(1))[0][
            :, 0
        ]
        rows, start = [], 0
        for word in words:
            space = start + len(word)
            rows.append(torch.cat([ahead[space], behind[len(ids) - start]]))
            start = space + 1
        rows.append(torch.cat([ahead[len(ids)], behind[0]]))
        return torch.stack(rows) @ w["char_seq.weight"].T + w["char_seq.bias"]

    def tags(self, words):
        """Viterbi from <s> to <eof>, without any constraint."""
        names = sorted(self.maps["y_map"], key=self.maps["y_map"].__getitem__)
        emissions, trans = self.emissions(words), self.weights["crf.transitions"]
        start, end = names.index("<s>"), names.index("<eof>")
        score, pointers = trans[start] + emissions[0], []
        for row in emissions[1:]:
            best = (score.unsqueeze(1) + trans).max(dim=0)
            score, pointers = best.values + row, [*pointers, best.indices]
        path = [end]
        for pointer in reversed(pointers):
            path.append(int(pointer[path[-1]]))
        return [names[i] for i in path[::-1][:-1]]

    def spans(self, words):
        """The lenient reading of tags: label, first word, word after the last."""
        found, label, first = [], None, 0

        def close(at):
            if label is not None:
                found.append((label, first, at))

        for i, tag in enumerate(self.tags(words)):
            place, _, kind = tag.partition("-")
            if place in ("I", "E") and kind == label:
                pass
            else:
                close(i)
                label, first = (kind, i) if kind else (None, i)
            if place in ("E", "S"):
                close(i + 1)
                label = None
        close(len(words))
        return found


def save_lm(path, words, *, seed, layers=3):
    """A language model alone, with the authors' adaptive softmax and optimizer."""
    torch.manual_seed(seed)
    weights = {"word_embed.weight": torch.randn(len(words), 6)}
    for k in range(layers):
        for name, value in torch.nn.LSTM(6 + 4 * k, 4).named_parameters():
            weights[f"rnn.layer.{k}.layer.{name}"] = value.detach()
    weights["project.weight"] = torch.randn(8, 6 + 4 * layers)
    weights["project.bias"] = torch.randn(8)
    weights["soft_max.head.weight"] = torch.randn(5, 8)
    weights["soft_max.tail.0.0.weight"] = torch.randn(8, 8)
    torch.save({"model": weights, "optimizer": {"state": {}}}, path)
    return weights


def save_pair(folder):
    """Both directions, `ld0.th` and `ld_0.th`, and the dataset `test.pk`."""
    maps = {"w_map": {word: i for i, word in enumerate(LM_WORDS)}}
    (folder / "test.pk").write_bytes(pickle.dumps(maps))
    names = ("ld0.th", "ld_0.th")
    return [save_lm(folder / n, LM_WORDS, seed=i) for i, n in enumerate(names)]
