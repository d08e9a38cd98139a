"""Every message a user can meet: the cause, the value, and the remedy."""

from difflib import get_close_matches
from typing import Iterable


class _WithCode(type):
    """Put the code in front of the message, as in spaCy and weasel."""

    def __getattribute__(self, code: str) -> str:
        message = super().__getattribute__(code)
        if code.startswith("__") or not isinstance(message, str):
            return message
        return f"[{code}] {message}"


class Errors(metaclass=_WithCode):
    E001 = (
        "These bytes hold no spacy-ldnet weights: {reason}. Expected a safetensors "
        "file whose metadata has the key '{key}'."
    )
    E002 = (
        "The weights have format version {found}, but this spacy-ldnet reads up to "
        "version {known}. Install a newer spacy-ldnet."
    )
    E003 = "The weights do not fit their own structure: {reason}. The file is damaged."
    E004 = (
        "The component's network has no weights yet. Call nlp.initialize() or load a "
        "trained pipeline first."
    )
    E005 = (
        "Mixed precision needs a GPU, but the network is on '{device}'. Set "
        "mixed_precision = false, or choose a GPU with --gpu-id."
    )
    E010 = (
        "The language model in '{path}' does not fit the config: {name} is {found} "
        "in the file but {expected} in the config. Change [components.*.model] (or "
        "pretrain with these sizes)."
    )
    E011 = "No language model in '{path}': the file '{missing}' is missing."
    E012 = (
        "The encoder of component '{name}' has no pretrained language model. Give "
        "[initialize.components.{name}.encoder_loader] @misc = "
        '"spacy-ldnet.EncoderLoader.v1" with the path of an LM directory. spaCy does '
        "not initialize what is in [training] frozen_components: if '{name}' is there, "
        "take it out, and freeze the language models by train_lm = false instead."
    )
    E013 = "Value {value!r} is not allowed for '{name}': {reason}."
    E014 = (
        "The span getter gave {found} span lists for {expected} docs, or spans that "
        "leave token {token} of a doc uncovered. Every token must be in some span."
    )
    E015 = (
        "The vocabulary has {found} words, but its hash says it is another one "
        "({found_hash} instead of {expected_hash}). The files in '{path}' were mixed."
    )
    E016 = (
        "No LD-Net encoder in component '{name}'. Give the name of the component that "
        "holds one, shared ('ldnet') or inline (any head); gates are also those of a "
        "spacy-ldnet.LayerSelectTransformer.v1."
    )
    E017 = (
        "The vocab has no word vectors, but the architecture asks for them. Give "
        "[initialize] vectors = ..., or set vectors = null in StackedTok2Vec."
    )
    E018 = (
        "The language model in '{path}' has stacked layers, none of which can be left "
        'out. Pretrain with [model] connectivity = "dense".'
    )
    E020 = (
        "Component '{name}' has no labels. Give examples that have some to "
        "nlp.initialize(), or a labels file in [initialize.components.{name}.labels], "
        "or call add_label() first."
    )
    E021 = (
        "Component '{name}' has no label '{label}', but the gold standard of an example "
        "has. Call add_label('{label}'), or initialize with all labels. Labels: {labels}."
    )
    E022 = (
        "Component '{name}' has {labels} labels and so {expected} tags, but the config "
        "says nO = {found}. Set nO = null in [components.{name}.model]."
    )
    E023 = (
        "Component '{name}' cannot rehearse. Mix examples of the old kind into the "
        "training data, or leave the component out: nlp.rehearse(..., exclude=['{name}'])."
    )
    E024 = (
        "The loss of component '{name}' is {loss}. Lower [training.optimizer.learn_rate] "
        "or clip the gradients with grad_clip."
    )
    E025 = (
        "A constrained CRF over IOBES tags has 1 + 4 * labels tags, never {n_tags}. Set "
        "constrained = false in the CRFTagger, or correct nO."
    )
    E026 = "A label is a string, not {label!r}."
    E028 = (
        "Columns cannot be read from {place}: {reason}. Expected a token on each line, "
        "first the token, last its tag (IOB, IOB2, IOBES, BILUO or BMES), with tabs or "
        "blanks between them, and a blank line after each sentence."
    )
    E030 = (
        "A budget is one of max_layers (a number of layers), max_layers_per_direction "
        "(the same for each language model), max_lm_macs (a share of their "
        "multiply-accumulates) and min_words_per_second, but "
        "{given} are given. Give {remedy} in the block with @callbacks = "
        '"spacy-ldnet.gate_penalty.v1".'
    )
    E031 = (
        "No pruning makes this pipeline run {wanted:,.0f} words per second: without "
        "any layer it runs {fastest:,.0f}, with all of them {full:,.0f}. Lower "
        "min_words_per_second, or make the other components smaller."
    )
    E032 = (
        "spacy-ldnet.SentenceTok2Vec.v1 is made by `python -m spacy ldnet convert`, and "
        "cannot be initialised from a config. Source the component of the converted "
        "pipeline: [components.ner] source = ..."
    )
    E033 = (
        "Component '{name}' was converted from the authors' code, which has two tags "
        "besides those of labels; no label can be added to it."
    )
    E034 = (
        "Component '{name}' is in [training] frozen_components, so spaCy updates nothing "
        "of it, and neither its gates nor its layers can be trained. Take it out: its "
        "language models are frozen anyway, by its setting train_lm = false."
    )
    E040 = "No text at '{path}', which [{name}] in the config names. Check [paths]."
    E041 = "Text that is not UTF-8 in {place}: {reason}. Convert the file to UTF-8."
    E042 = (
        "No words in the text of [{name}]. A .txt file has to have one text a line, a "
        ".jsonl file one in each object; see the warnings above for what was left out."
    )
    E043 = (
        "The vocabulary has {found} words, too few for a language model. Give more "
        "text, or lower [pretraining] min_freq (now {min_freq})."
    )
    E044 = (
        "The training text has {found} words, too few for [pretraining] batch_size = "
        "{batch_size} places in the text. Give more text or lower batch_size."
    )
    E045 = "The config has no section [{name}]{hint}."
    E046 = (
        "The {direction} language model's loss is no longer a number at step {step}. "
        "Lower [pretraining] learn_rate (now {learn_rate})."
    )
    E047 = (
        "Training the {direction} language model failed in its own process (exit code "
        "{code}). {reason}"
    )
    E048 = "[{name}] has to be {expected}, but it made {found!r}."
    E050 = (
        "'{path}' holds an earlier run: {what}. Give --resume to go on with it, "
        "--overwrite to begin anew and lose it, or another directory."
    )
    E051 = (
        "'{path}' could not be written: {reason}. What stood there before still does. "
        "Make room, or correct the permissions, and go on with --resume."
    )
    E052 = "Checkpoint '{path}' is damaged: {reason}. Delete it; {remedy}."
    E053 = (
        "The run in '{path}' cannot go on with this config: {name} was {found} and is "
        "now {expected}. Change it back, give --overwrite to begin anew, or choose "
        "another directory."
    )
    E054 = (
        "The language models in '{path}', which [pretraining] init_from names, do not "
        "fit [model]: {name} is {found} there but {expected} in the config."
    )
    E058 = (
        "Several processes, or mixed precision, need the package accelerate: "
        "pip install 'spacy-ldnet[distributed]'."
    )
    E060 = (
        "No text files at '{path}', which [{name}] in the config names. Names of text "
        "files end in one of: {endings}."
    )
    E061 = (
        "'{path}' cannot be unpacked, since a package is missing ({reason}). Install "
        "it with: {remedy}."
    )
    E062 = (
        "Unusable text in [{name}], {place}: {reason}. Mend it, or run without "
        "--strict to leave it out."
    )
    E063 = (
        "The tokenizer cannot be copied with pickle, which tokenising needs: {reason}. "
        "Give its class a method __reduce__."
    )
    E064 = (
        "Processes that work ended at once ({reason}), again and again; perhaps for want "
        "of memory. n_process = 1 (of [pretraining], or --n-process 1) works in this "
        "process; a script of your own needs that, or 'if __name__ == \"__main__\":'."
    )
    E065 = "The tokenised text in '{path}' is not complete: '{missing}' is missing."
    E066 = (
        "'{path}' has no checkpoint from which its training could go on. Give "
        "--overwrite to begin anew and lose these weights, or choose another directory; "
        "[pretraining] init_from begins with weights that are there."
    )
    E070 = (
        "'{path}' cannot be read: {reason}. Expected a .th file that LD-Net or LightNER "
        "saved, or the pickled dataset with its maps."
    )
    E071 = (
        "'{path}' was not read: it asks for {name}, and only plain containers, strings, "
        "numbers, tensors and numpy arrays are admitted. Do not trust this file."
    )
    E072 = (
        "'{path}' does not fit together: '{name}' should be {expected}, but is {found}."
    )
    E073 = (
        "'{path}' does not fit together: {name} is stated as {expected}, but its "
        "tensors have {found}."
    )
    E074 = (
        "'{path}' has no '{name}'. Unpruned checkpoints lack the maps: give the dataset "
        "that the model was trained with, --maps ner_dataset.pk."
    )
    E075 = (
        "'{path}' holds what is not known here: {names}. Is it a checkpoint of another "
        "network?"
    )
    E076 = "'{name}' of '{path}' has no '{symbol}', which the network needs."
    E077 = (
        "These language models have no softmax: they were converted from the authors' "
        "code. A pipeline can read them (spacy-ldnet.EncoderLoader.v1), but neither their "
        "perplexity can be measured nor their pretraining go on."
    )
    E078 = (
        "'{path}' holds the forward language model alone. Give the other one, too: "
        "--backward ld_0.th."
    )
    E079 = "'{path}' is a tagger, and --backward is for a language model alone."
    E080 = (
        "The engine 'ray' needs the package Ray: pip install 'spacy-ldnet[ray]' (the "
        "import said: {reason})."
    )
    E081 = (
        "No connection to a Ray cluster at '{address}': {reason}. Give the address that "
        "`ray start --head` shows, as HOST:PORT, or no address for a cluster on this "
        "machine."
    )
    E082 = (
        "'{address}' cannot be used: {reason}. Give a file, a folder, a glob, or an "
        "address of a file system that fsspec or pyarrow know, as s3://bucket/folder."
    )
    E083 = (
        "{place} has a column '{name}', which is where the annotation goes. Give --prefix, "
        "with which the annotation's columns are to begin, or rename the column."
    )
    E084 = (
        "'{path}' holds the annotation of something else: {what}. Give --overwrite to "
        "begin anew and lose it, or another output."
    )
    E085 = (
        "'{path}' could not be written: {reason}. What was finished before is complete. "
        "Make room, or correct the permissions, and give the same command again: it "
        "does only what is missing."
    )
    E086 = (
        "A document could not be annotated, {place}: {reason}. Mend it, or run without "
        "--strict to have it in errors.jsonl and go on."
    )
    E087 = (
        "The pipeline '{name}' cannot be loaded: {reason}. Give the name of an installed "
        "pipeline or its directory; on a cluster every machine needs it in the same "
        "place."
    )
    E088 = (
        "{form} needs the package pyarrow: pip install pyarrow (or 'spacy-ldnet[ray]', "
        "which brings it)."
    )
    E089 = (
        "Work on {place} was begun {times} times, and each time its process ended. "
        "Perhaps the machine has too little memory: give fewer --n-process, or a "
        "smaller --batch-words."
    )
    E090 = (
        "The gate log '{path}' cannot be written: {reason}. Change the path in the "
        'block with @loggers = "spacy-ldnet.GateLogger.v1".'
    )
    E100 = (
        "The soft labels in the training data of '{name}' do not fit it: the teacher "
        "has the labels {teacher}, and the component {student}. Add the missing ones "
        "with [initialize.components.{name}] labels, or take a teacher of these labels."
    )
    E101 = (
        "distil = {found} of '{name}' cannot be used: {reason}. Expected null, or a "
        "weight from 0 to 1 and a temperature above 0, as in "
        '{{"weight": 0.5, "temperature": 2.0}}.'
    )
    E102 = (
        "soft_labels = {found} of '{name}' cannot be used. Expected null, or the "
        "lowest probability to keep: above 0 and below 1, for example 0.001."
    )
    E103 = (
        "The soft labels of a document cannot be read: {reason}. Let the teacher label "
        "the text again with this spacy-ldnet."
    )
    E107 = (
        "{name} needs the package spacy-transformers ({reason}): "
        "pip install 'spacy-ldnet[transformers]'."
    )
    E108 = (
        "{name} keeps no list of {layers} layers of its own, as num_hidden_layers in its "
        "config says, so none can be deleted. Choose a transformer with separate layers "
        "(BERT, RoBERTa, DistilBERT, ELECTRA, MiniLM, ...), or use "
        "spacy-transformers.TransformerModel.v3, which prunes nothing."
    )
    E109 = (
        "The layers of {name} can't be taken away from the top: {reason}. Choose a "
        "transformer like BERT, RoBERTa, DistilBERT, ELECTRA or MiniLM."
    )
    E110 = (
        "'{reader}' reads vectors of width {expected}, but is given vectors of width "
        "{found} by '{layer}'. Behind a listener they are what the pipeline's encoder, "
        "another component, or your own code put into doc.tensor. Give the listener the "
        "width of its encoder and train again, or let that encoder be the last component "
        "before the listener that sets doc.tensor."
    )
    E111 = (
        "'{reader}' is given {found} vectors for a document of {expected} tokens by "
        "'{layer}'. Behind a listener they are those in doc.tensor: let the encoder "
        "set it again after the tokens have changed."
    )
    E112 = (
        "'{reader}' was trained with word vectors of width {expected}, but those in "
        "the vocab have width {found}. Load the pipeline again, which brings its own, "
        "make documents with its own vocab (nlp.make_doc), or train with the new "
        "vectors ([initialize] vectors = ...)."
    )
    E113 = (
        "'{reader}' has trained a table of {expected} word vectors, but the vocab now has "
        "{found}, so that its rows belong to other words. Load the pipeline again, which "
        'brings its own, or train with vectors = {{"trainable": false}}, which looks '
        "words up in the vocab."
    )
    E114 = (
        "A recurrent layer was built for {what} {expected}, but is given {found}. The "
        "weights and the data do not belong together."
    )
    E115 = (
        "Component '{name}' listens to '{upstream}' and expects vectors of width "
        "{expected}, but '{upstream}' has the width {found}. Give both the same width in "
        "[components.{upstream}.model] and in the listener of [components.{name}.model], "
        "and train again if they were trained apart."
    )
    E116 = (
        "{labels:,} labels mean {n_tags:,} tags, and a matrix of transitions of {size:,.1f} "
        "GB of memory, and of several times as much in training. Up to {most:,} labels "
        "are possible. Use coarser labels here, and tell finer ones apart in a component "
        "behind it."
    )
    E117 = "A label needs at least one character that is not a space, but one is {label!r}."
    E120 = (
        "'{path}' has files that '{command}' did not write: {names}. Nothing was changed. "
        "Choose a new or an empty folder, or move these files away. What earlier "
        "versions of spacy-ldnet wrote counts as foreign, too."
    )
    E121 = (
        "'{command}' wrote '{path}', but these files in it were added or changed since: "
        "{names}. Nothing was changed. Move them away, or choose another folder."
    )
    E122 = (
        "'{path}' cannot be the output: {reason}. Nothing was changed. Choose another "
        "folder."
    )
    E123 = (
        "Another process is writing to '{path}'. Wait until it ends, or choose another "
        "folder."
    )
    E124 = (
        "'{path}' could not be written: {reason}. What was there before is unchanged. "
        "Make room, or correct the path or the permissions, and run the command again."
    )
    E125 = (
        "'{path}' is no pipeline: {reason}. Give the directory of a trained pipeline "
        "(such as model-best) or of language models."
    )
    E126 = (
        "Text {number} cannot be written in columns: {reason}. Write marked text instead "
        "(--to text), or change the tokenizer."
    )
    E127 = (
        "The word vectors in '{path}' cannot be read, line {line}: {reason}. Expected a "
        "word and its numbers on each line, in UTF-8, as GloVe, fastText and word2vec "
        "(text format) write them."
    )
    E128 = (
        "The reader of [{name}] cannot read its text: {reason}. Expected lines with an "
        'object each, as {{"text": "..."}}; @readers = "spacy-ldnet.RawTextCorpus.v1" '
        "skips and counts what it cannot read."
    )
    E129 = (
        "No documents in '{path}'. Give a .spacy file with annotated documents, or a "
        "folder of them."
    )
    E130 = (
        "'{path}' has no variable for --{name}, so it would change nothing.{hint} Known: "
        "{names}."
    )
    E131 = (
        "'{path}' has no setting for --{name}, so it would change nothing.{hint} Known: "
        "{names}."
    )
    E132 = (
        "Not one document could be annotated. What went wrong with each is in '{path}'. "
        "Check --text-key, and whether the pipeline is for this text."
    )
    E136 = (
        "torch is not installed, but it is needed {action}. A pipeline predicts without "
        "it; for everything else: pip install 'spacy-ldnet[train]'."
    )
    E137 = "The environment variable {name} is '{value}'. Choose from {choices}, or unset it."
    E138 = (
        "The weights are damaged: their SHA-256 is {found}…, but {expected}… when they were "
        "saved. Copy the pipeline again."
    )
    E139 = (
        "The model of component '{name}' cannot be read: {reason}. The file is damaged or "
        "incomplete: copy the pipeline again."
    )
    E140 = (
        "The {part} part of the corpus '{name}' has labels that its train part does not "
        "have: {labels}. Nothing could learn them, and every one would count as an "
        "error. Rename or remove them there, or label some of them in train."
    )
    E141 = (
        "The corpus '{name}' is one file only, but train, dev and test are needed. Split "
        "it with: python -m spacy ldnet corpus {path} OUT. Then give the folder OUT."
    )
    E142 = (
        "The {part} part is empty: '{path}' has no {what}. Is it the right file? Take "
        "the labelled sentences of this part from elsewhere, or split one file with: "
        "python -m spacy ldnet corpus FILE OUT."
    )
    E143 = (
        "'{path}' is not the file that the corpus 'open' is made of: {reason}. It is "
        "part of the repository. Restore the folder assets/ner from there."
    )
    E145 = (
        "The corpus 'open' is English, but vars.lang (--lang) is '{lang}'. Give gold "
        "data of this language, or vars.corpus = teacher and a vars.teacher of it."
    )
    E146 = (
        "'{path}' cannot be used: {reason}. It names the labels that this corpus "
        'annotates, as a JSON list: ["PER", "LOC"]. Without the file it annotates all.'
    )
    E147 = (
        "The {part} part of '{name}' is said to annotate {labels} (in labels.json, or in "
        "the user data of its docs), but no entity of the train parts is labelled so. Is "
        "it a slip? The labels there are {known}."
    )
    E148 = (
        "The {part} part of '{name}' is said to annotate only {labels} (in labels.json, "
        "or in the user data of its docs), but has entities of others: {found}. Add "
        "them to its labels, or remove these entities."
    )
    E150 = (
        "No language models and no pipeline by the name '{name}': {reason}. Give a "
        "directory, such as training/lm/model-best, or the import name of an installed "
        "package."
    )
    E151 = (
        "'{name}' is a pipeline. Its encoder has the language models' layers, but no "
        "softmax, so neither can their perplexity be measured nor their pretraining be "
        "continued. Give the language models that it was made of; a pipeline serves "
        "spacy-ldnet.EncoderLoader.v1."
    )
    E152 = (
        "The pipeline in '{path}' has {what}. Give one with an LD-Net encoder that has "
        "its weights (component 'ldnet', or spacy-ldnet.LDNetEncoder.v1 in a head)."
    )
    E153 = (
        "'{path}' is not the file that meta.json describes: its SHA-256 begins with "
        "{found}, not with {expected}. It was cut short or changed, or belongs to other "
        "language models. Copy the directory again; after a run that was killed, "
        "--resume writes both."
    )
    E154 = "The language models' file '{path}' cannot be read. {reason}"
    E155 = "'{value}' cannot be the package's {what}. Give {reason}."
    E156 = (
        "'{path}' exists already. Give --overwrite to replace it, another --version, or "
        "another directory."
    )
    E157 = (
        "The package was not built: {reason}. Install what builds packages (pip install "
        "build wheel), or give --build none and build its directory yourself."
    )
    E158 = (
        "No text can be held out of [{name}], which has {found} different texts: that is "
        "too few, or one is most of it. Write one paragraph a line, or give the held-out "
        "text by itself: --paths.dev_text dev.txt."
    )
    E159 = (
        "The language models in '{path}' are no pair: {name} is {forward} in the forward "
        "and {backward} in the backward one. Pretrain both directions with one config."
    )
    E160 = (
        "These language models read words by their subwords, which were not given. Call "
        "`set_subwords` first."
    )
    E170 = (
        "'{path}' cannot be read: {reason}. Give files of Prodigy, doccano or Label "
        'Studio, lines such as {{"text": "Ada", "entities": [[0, 3, "PER"]]}} '
        "(.jsonl, .json), columns (.iob, .conll, .txt, .tsv), or .spacy. For other forms "
        "there is `spacy convert`."
    )
    E171 = (
        "Unusable labels in {place}: {reason}. Correct the line, or run without --strict "
        "to skip it."
    )
    E172 = (
        "The JSON array is damaged in {place}: {reason}. Perhaps the file is not "
        "complete: export it again."
    )
    E173 = (
        "There is nothing to learn in {names}. Texts: {reasons}. Correct the files, or choose "
        "others."
    )
    E174 = (
        "Too few labelled texts for the parts of a corpus: {found}. Each part needs a "
        "text of its own. Label more texts, or set --dev-share 0 and "
        "--test-share 0 to use everything for training."
    )
    E175 = (
        "'{path}' holds a corpus that this command wrote before. Give --overwrite to "
        "replace it, or choose another folder."
    )
    E176 = (
        "There is no tokenizer for the language '{lang}': {reason}. Give --lang a code "
        "that spaCy knows, such as en, de or xx (for many languages)."
    )
    E177 = (
        "No text has the key '{key}' that --document-key names, neither by itself nor in "
        "its meta or data; the first text is in {place}. Correct the key, or leave the "
        "option out."
    )
    E178 = (
        "By their names all of these files are held out, and none is for training: "
        "{names}. Add the training file, or rename those that are to be split."
    )
    E179 = (
        "The {part} part would be empty: {reason}. Give it texts that are in no other "
        "part."
    )
    E180 = (
        "A network of the type '{name}' needs torch, which is not installed: pip install "
        "spacy-ldnet[train]."
    )
    E181 = (
        "The weights '{name}' hold numbers that are not finite (NaN or infinity). The "
        "training diverged, or the file is damaged: take an earlier checkpoint, or copy "
        "the pipeline again."
    )
    E190 = (
        "There is no head '{name}' for --pipeline.{hint} Choose from {choices}. The shared "
        "encoder (tok2vec) is added by itself; other components can be added to the "
        "config that was written."
    )
    E191 = (
        "'{path}' exists already. Give --force to replace it, or choose another file."
    )
    E192 = (
        "Component '{name}' listens to '{upstream}', but {reason}.{hint} Write the name of "
        "an encoder before '{name}' as the upstream of the listener in "
        "[components.{name}.model]. The encoders of this pipeline: {encoders}."
    )
    E193 = (
        "'{reader}' listens to '{upstream}', but got no vectors in training: no encoder of "
        "that name is updated before it. If the encoder is in [training] "
        "frozen_components, write its name into annotating_components, too. Otherwise "
        "check its name, and put it before its listeners in [nlp] pipeline."
    )
    E200 = (
        "The label set of {place} cannot be read: doc.user_data['{key}'] is {found!r}. "
        "It must be a list of the labels that are annotated, such as ['PER', 'LOC'], or "
        "not be there, if all are."
    )
    E201 = (
        "The label set of {place} names {unknown}, which component '{name}' does not "
        "have. Its labels are {labels}. Correct doc.user_data['{key}'], or add examples "
        "with entities of this label."
    )
    E202 = (
        "There is an entity '{label}' ({text}) in {place}, but its label set says that "
        "only {labels} are annotated there. Add the label to doc.user_data['{key}'], or "
        "remove the doc's entities of this label."
    )
    E203 = (
        "spacy-ldnet.LabelSetCorpus.v1 has path = null. Give a .spacy file or a folder of "
        "them: in the config, or as in --paths.train corpus/train.spacy."
    )


class Warnings(metaclass=_WithCode):
    W040 = (
        "Cut-offs {left_out} of the adaptive softmax are beyond the vocabulary of "
        "{rows} rows; it has the cut-offs {kept}."
    )
    W041 = "Left out of [{name}]: {extent}, {place}: {reason}."
    W042 = (
        "The {shown} warnings above are the first ones only. In all {files} whole files "
        "and {lines:,} lines of others were left out ({size:,} bytes); the manifest of "
        "the tokenised text names them."
    )
    W043 = (
        "'{name}', which '{head}' listens to, is in [training] frozen_components: its "
        "projection and its gates are not trained, either, and it needs its weights "
        "already. To freeze the language models alone take it out, since their setting "
        "train_lm = false does that. To keep it as it is, put it into "
        "annotating_components, too."
    )
    W044 = (
        'precision = "bfloat16" is slower than "float32" here: this processor has no '
        "instructions for it. Leave the setting out, or override it when the pipeline "
        "is loaded: spacy.load(name, config={'components.NAME.model.precision': "
        "'float32'})."
    )
    W045 = (
        'precision = "bfloat16" is ignored here: torch has no LSTM in bfloat16 for this '
        "processor. Predictions are made in float32, exactly and as fast as without the "
        "setting."
    )
    W046 = (
        "'{name}' listens to '{upstream}', but predicts from the vectors of '{other}', "
        "the nearest encoder before it: a document has one place for them. Put each "
        "component right behind its own encoder, or give it a copy of the encoder with "
        "nlp.replace_listeners."
    )
    W047 = (
        "Component '{name}' writes the spans '{key}', but [training.score_weights] counts "
        "'{score}', which nothing in the pipeline gives, so that it is always 0. Set {score} "
        "= null and spans_{key}_f = 1.0 there."
    )
    W049 = (
        'precision = "bfloat16" is ignored without torch: numpy predicts in float32. For '
        "bfloat16: pip install 'spacy-ldnet[train]'."
    )
    W054 = (
        "The training has {steps} updates, but its learning rate reaches zero after "
        "{total}. Give both the same number: --{name} {steps} --{rate} {steps}."
    )
    W055 = (
        "{name} fell from {before:.4f} to {after:.4f} {what}. Allow more layers (the "
        "budget of spacy-ldnet.gate_penalty.v1, or --layers), train the gates for longer, "
        "or train the pruned pipeline on, which often brings it back."
    )
    W056 = (
        "{share:.0%} of the words are unknown to the language models, so their perplexity "
        "says little: unknown words are easy to predict. Is this text of their language, "
        "and tokenised as theirs?"
    )
    W057 = (
        "'{name}' left nothing in {where}. Is it for this kind and language of text, and "
        "is that where its components write?"
    )
    W060 = (
        "{found:,} sentences of the {part} part of '{name}' stand in {others} as well. "
        "What was learnt by heart makes scores too good. Remove them from {part}."
    )
    W061 = (
        "Only {share:.0%} of the text's words are stop words of the language '{lang}', "
        "which is few. Is the text in that language? If not, set vars.lang."
    )
    W064 = (
        "The {direction} language model ended with a perplexity of {after:.1f}, which is "
        "worse than {before:.1f}, {start}. {remedy}."
    )
    W065 = (
        "The training text has {words:,} words: language models that begin with nothing "
        "need {enough:,} or more. Begin with existing ones instead, --paths.init_from "
        "lm_en (a directory or an installed package), or give more text, which needs no "
        "labels."
    )
    W066 = (
        "{share:.0%} of the training text, by a sample, are lines that it has more than "
        "once. Language models learn these lines by heart and nothing else: remove the "
        "copies."
    )
    W067 = (
        "{share:.0%} of the words of the training text are unknown to the language models "
        "in '{path}'. They were trained on another language or script, or tokenised "
        "otherwise: choose others, begin with none, or give these words rows of their own "
        "by [pretraining] extend_vocabulary = true."
    )
    W070 = (
        "No test part: {sentences} sentences in {texts} texts are too few to hold out two "
        "parts (there is one from {least} sentences in 3 texts on). Measure on dev, and "
        "label more."
    )
    W071 = (
        "Spans that do not fit the boundaries of tokens: {number:,}. {result} "
        "(--alignment). "
        "Correct the offsets, or choose a language whose tokenizer fits. {some}."
    )
    W072 = (
        "Spans that fit the tokens of their file, but not those of spaCy's tokenizer for "
        "'{lang}': {number:,}. In running text they cannot be found. Is --lang right?"
    )
    W073 = (
        "The {part} part has labels that the train part does not have: {labels}. Nothing "
        "can learn them. Label more of them, or take another --seed."
    )
    W074 = "Are these labels the same: {labels}? If so, write them alike in the files."
    W078 = (
        "The language models in '{path}' are of the language '{found}', but the config is "
        "for '{lang}'. They know no other words than their own: give language models of "
        "'{lang}', or leave --lang out."
    )
    W079 = (
        "None of the heads {heads} reads word vectors, so --vectors only makes the "
        "pipeline larger. Leave it out, or take crf_ner or a tagger."
    )


def suggest(name: str, known: Iterable[str]) -> str:
    """name (str): A name that is unknown.
    known (Iterable[str]): The names that there are.
    RETURNS (str): The question whether the closest one is meant, with a blank before it;
        empty if none is close.
    """
    close = get_close_matches(name, list(known), n=1)
    return f" Did you mean '{close[0]}'?" if close else ""
