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
        "The bytes are not spacy-ldnet weights: {reason}. Expected a safetensors "
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
        "in the file but {expected} in the config. Change [components.*.model], or "
        "pretrain with these sizes."
    )
    E011 = "There is no language model in '{path}': the file '{missing}' is missing."
    E012 = (
        "The encoder of component '{name}' has no pretrained language models. Set "
        "[initialize.components.{name}.encoder_loader] @misc = "
        '"spacy-ldnet.EncoderLoader.v1" and the path of an LM directory. spaCy does '
        "not initialize components in [training] frozen_components: if '{name}' is "
        "there, remove it, and freeze the language models with train_lm = false "
        "instead."
    )
    E013 = "Value {value!r} is not allowed for '{name}': {reason}."
    E014 = (
        "The span getter returned {found} span lists for {expected} docs, or spans "
        "that do not cover token {token} of a doc. Every token must be in a span."
    )
    E015 = (
        "The vocabulary of {found} words differs from the one that the weights in "
        "'{path}' were trained with: its hash is {found_hash}, not {expected_hash}. "
        "Files of different language models were mixed. Copy the directory again."
    )
    E016 = (
        "Component '{name}' has no LD-Net encoder. Give the name of a component that "
        "has one, shared ('ldnet') or inline (any head), or that has a "
        "spacy-ldnet.LayerSelectTransformer.v1."
    )
    E017 = (
        "The vocab has no word vectors, but the architecture asks for them. Give "
        "[initialize] vectors = ..., or set vectors = null in StackedTok2Vec."
    )
    E018 = (
        "The language model in '{path}' has stacked layers, which cannot be deleted "
        'one by one. Pretrain with [model] connectivity = "dense".'
    )
    E020 = (
        "Component '{name}' has no labels. Give nlp.initialize() examples that have "
        "labels, or set [initialize.components.{name}.labels] to a labels file, or "
        "call add_label() first."
    )
    E021 = (
        "The gold annotation of an example has the label '{label}', which component "
        "'{name}' does not have. Call add_label('{label}'), or initialize with all "
        "labels. Labels: {labels}."
    )
    E022 = (
        "Component '{name}' has {labels} labels, so it needs {expected} tags, but "
        "the config sets nO = {found}. Set nO = null in [components.{name}.model]."
    )
    E023 = (
        "Component '{name}' cannot rehearse. Add examples of the earlier training to "
        "the new ones, or exclude the component: nlp.rehearse(..., "
        "exclude=['{name}'])."
    )
    E024 = (
        "The loss of component '{name}' is {loss}. Lower [training.optimizer.learn_rate] "
        "or clip the gradients with grad_clip."
    )
    E025 = (
        "A constrained CRF over IOBES tags has 1 + 4 * labels tags, never {n_tags}. "
        "Set constrained = false in the CRFTagger, or correct nO."
    )
    E026 = "A label is a string, not {label!r}."
    E028 = (
        "Columns cannot be read, {place}: {reason}. Expected one token per line: the "
        "token in the first column, its tag in the last (IOB, IOB2, IOBES, BILUO or "
        "BMES), tabs or spaces between them, and a blank line after each sentence."
    )
    E030 = (
        "A budget is one of {kinds}, but {given} are given. Give {remedy} in the block "
        'with @callbacks = "spacy-ldnet.gate_penalty.v1".'
    )
    E031 = (
        "This pipeline cannot reach {wanted:,.0f} words per second by pruning: it "
        "runs at {fastest:,.0f} without any layer and at {full:,.0f} with all of "
        "them. Lower min_words_per_second, or make the other components smaller."
    )
    E032 = (
        "spacy-ldnet.SentenceTok2Vec.v1 cannot be initialized from a config: `python "
        "-m spacy ldnet convert` makes it. Source the component of the converted "
        "pipeline: [components.ner] source = ..."
    )
    E033 = (
        "Labels cannot be added to component '{name}': it was converted from the "
        "authors' code, and its tags are fixed."
    )
    E034 = (
        "Component '{name}' is in [training] frozen_components, so spaCy does not "
        "update it, and neither its gates nor its layers can be trained. Remove it "
        "from the list: its language models stay frozen while train_lm = false."
    )
    E035 = "Unclear which layers to keep: {reason}."
    E036 = (
        "The encoder's output changed by {change:.2g} when layers with closed gates were "
        "deleted, which is more than rounding explains ({tolerance}). Nothing was "
        "written. Train the gates again, or choose a number of layers (--layers)."
    )
    E037 = (
        "The encoder does not have all layers that are to be kept: {wanted}. It has "
        "{found}, as numbered in the unpruned language models."
    )
    E038 = (
        "'{name}' does not say which layers to keep: {reason}. Give a pipeline that was "
        "pruned (or whose gates were trained), or language models, that come from the "
        "same language models."
    )
    E040 = (
        "There is no text at '{path}', which [{name}] in the config names. Check "
        "[paths]."
    )
    E041 = "The text in {place} is not UTF-8: {reason}. Convert the file to UTF-8."
    E042 = (
        "The text of [{name}] has no words. A .txt file needs one text per line, a "
        ".jsonl file one object with a text per line. The warnings above name what "
        "was skipped."
    )
    E043 = (
        "The vocabulary has {found} words, which are too few for a language model. "
        "Give more text, or lower [pretraining] min_freq (now {min_freq})."
    )
    E044 = (
        "The training text has {found} words, too few for [pretraining] batch_size = "
        "{batch_size} parallel streams. Give more text, or lower batch_size."
    )
    E045 = "The config has no section [{name}]{hint}."
    E046 = (
        "The loss of the {direction} language model is not a number at step {step}. "
        "Lower [pretraining] learn_rate (now {learn_rate})."
    )
    E047 = (
        "The process that trained the {direction} language model failed (exit code "
        "{code}). {reason}"
    )
    E048 = "[{name}] must be {expected}, but it made {found!r}."
    E050 = (
        "'{path}' has an earlier run: {what}. Give --resume to continue it, "
        "--overwrite to discard it and start over, or another directory."
    )
    E051 = (
        "'{path}' could not be written: {reason}. The previous file is unchanged. "
        "Free some space, or correct the permissions, and continue with --resume."
    )
    E052 = "Checkpoint '{path}' is damaged: {reason}. Delete it; {remedy}."
    E053 = (
        "The run in '{path}' cannot continue with this config: {name} was {found} "
        "and is now {expected}. Change it back, give --overwrite to start over, or "
        "choose another directory."
    )
    E054 = (
        "The language models in '{path}', which [pretraining] init_from names, do "
        "not fit [model]: {name} is {found} there but {expected} in the config."
    )
    E058 = (
        "Training in several processes or in mixed precision needs the package "
        "accelerate: pip install 'spacy-ldnet[distributed]'."
    )
    E060 = (
        "There are no text files at '{path}', which [{name}] in the config names. "
        "The names of text files end in one of: {endings}."
    )
    E061 = (
        "'{path}' cannot be decompressed because a package is missing ({reason}). "
        "Install it with: {remedy}."
    )
    E062 = (
        "The text of [{name}] cannot be used, {place}: {reason}. Fix the file, or "
        "omit --strict to skip it."
    )
    E063 = (
        "The tokenizer cannot be pickled, which tokenizing in several processes "
        "needs: {reason}. Add a method __reduce__ to its class."
    )
    E064 = (
        "Worker processes crashed repeatedly ({reason}), possibly out of memory. Set "
        "n_process = 1 ([pretraining], or --n-process 1) to work in this process. A "
        "script of your own needs that, or 'if __name__ == \"__main__\":'."
    )
    E065 = "The tokenized text in '{path}' is incomplete: '{missing}' is missing."
    E066 = (
        "'{path}' has weights but no checkpoint to resume from. Give --overwrite to "
        "discard them and start over, or choose another directory. To start from "
        "existing weights, set [pretraining] init_from."
    )
    E070 = (
        "'{path}' cannot be read: {reason}. Expected a .th file saved by LD-Net or "
        "LightNER, or the pickled dataset with its maps."
    )
    E071 = (
        "'{path}' was not loaded: it refers to {name}, and only plain containers, "
        "strings, numbers, tensors and numpy arrays are allowed. Do not trust this "
        "file."
    )
    E072 = "'{path}' is inconsistent: '{name}' should be {expected}, but is {found}."
    E073 = (
        "'{path}' is inconsistent: it states {name} as {expected}, but its tensors "
        "have {found}."
    )
    E074 = (
        "'{path}' has no '{name}'. Unpruned checkpoints lack the maps: give the "
        "dataset that the model was trained with, --maps ner_dataset.pk."
    )
    E075 = (
        "'{path}' contains unknown weights: {names}. Is it a checkpoint of a "
        "different model?"
    )
    E076 = "'{name}' in '{path}' has no '{symbol}', which the network needs."
    E077 = (
        "These language models have no softmax because they were converted from the "
        "authors' code. Pipelines can use them (spacy-ldnet.EncoderLoader.v1), but "
        "their perplexity cannot be measured and their pretraining cannot be "
        "continued."
    )
    E078 = (
        "'{path}' has only the forward language model. Give the backward one, too: "
        "--backward ld_0.th."
    )
    E079 = "'{path}' is a tagger, but --backward is only for language models."
    E080 = (
        "The engine 'ray' needs the package Ray: pip install 'spacy-ldnet[ray]'. The "
        "import failed with: {reason}."
    )
    E081 = (
        "Ray cannot connect to the cluster at '{address}': {reason}. Give the "
        "address that `ray start --head` shows, as HOST:PORT, or no address to use a "
        "cluster on this machine."
    )
    E082 = (
        "'{address}' cannot be used: {reason}. Give a file, a folder, a glob, or an "
        "address that fsspec or pyarrow can open, such as s3://bucket/folder."
    )
    E083 = (
        "{place} has a column '{name}' already, which the annotation would "
        "overwrite. Give --prefix for the names of the annotation's columns, or "
        "rename the column."
    )
    E084 = (
        "'{path}' has an annotation that differs: {what}. Give --overwrite to "
        "discard it and start over, or another output."
    )
    E085 = (
        "'{path}' could not be written: {reason}. Finished files are complete. Free "
        "some space, or correct the permissions, and run the same command again: it "
        "does only what is missing."
    )
    E086 = (
        "A document could not be annotated, {place}: {reason}. Fix it, or omit "
        "--strict to record it in errors.jsonl and continue."
    )
    E087 = (
        "The pipeline '{name}' cannot be loaded: {reason}. Give the name of an "
        "installed pipeline or its directory. On a cluster every machine needs it at "
        "the same path."
    )
    E088 = (
        "{form} needs the package pyarrow: pip install pyarrow, or "
        "'spacy-ldnet[ray]', which includes it."
    )
    E089 = (
        "A process that worked on {place} crashed {times} times. The machine may "
        "have too little memory: lower --n-process or --batch-words."
    )
    E090 = (
        "The gate log '{path}' cannot be written: {reason}. Change the path in the "
        'block with @loggers = "spacy-ldnet.GateLogger.v1".'
    )
    E100 = (
        "The soft labels in the training data of '{name}' do not fit the component: "
        "the teacher has the labels {teacher}, and the component {student}. Add the "
        "missing labels in [initialize.components.{name}] labels, or use a teacher "
        "with the same labels."
    )
    E101 = (
        "distil = {found} of '{name}' cannot be used: {reason}. Expected null, or a "
        'weight from 0 to 1 and a temperature above 0, as in {{"weight": 0.5, '
        '"temperature": 2.0}}.'
    )
    E102 = (
        "soft_labels = {found} of '{name}' cannot be used. Expected null, or the "
        "lowest probability to keep, above 0 and below 1, such as 0.001."
    )
    E103 = (
        "The soft labels of a document cannot be read: {reason}. Let the teacher "
        "label the text again with this version of spacy-ldnet."
    )
    E107 = (
        "{name} needs the package spacy-transformers ({reason}): "
        "pip install 'spacy-ldnet[transformers]'."
    )
    E108 = (
        "The layers of {name} cannot be deleted: it has no list of {layers} separate "
        "layers, as num_hidden_layers in its config says. Choose a transformer with "
        "separate layers (BERT, RoBERTa, DistilBERT, ELECTRA, MiniLM, ...), or use "
        "spacy-transformers.TransformerModel.v3 without pruning."
    )
    E109 = (
        "The layers of {name} cannot be deleted from the top: {reason}. Choose a "
        "transformer like BERT, RoBERTa, DistilBERT, ELECTRA or MiniLM."
    )
    E110 = (
        "'{reader}' expects vectors of width {expected}, but '{layer}' gives vectors "
        "of width {found}. If '{layer}' is a listener, the vectors are in "
        "doc.tensor: the pipeline's encoder, another component, or your own code set "
        "them. Give the listener the width of its encoder and train again, or let "
        "that encoder be the last component before the listener that sets doc.tensor."
    )
    E111 = (
        "'{reader}' got {found} vectors from '{layer}' for a document of {expected} "
        "tokens. If '{layer}' is a listener, the vectors are in doc.tensor: run the "
        "encoder again after the tokens have changed."
    )
    E112 = (
        "'{reader}' was trained with word vectors of width {expected}, but those in "
        "the vocab have width {found}. Load the pipeline again with its own vectors, "
        "make documents with its own vocab (nlp.make_doc), or train with the new "
        "vectors ([initialize] vectors = ...)."
    )
    E113 = (
        "'{reader}' has trained a table of {expected} word vectors, but the vocab "
        "now has {found}, so the rows belong to other words. Load the pipeline again "
        'with its own vectors, or train with vectors = {{"trainable": false}}, which '
        "looks words up in the vocab."
    )
    E114 = (
        "A recurrent layer was built for {what} {expected}, but is given {found}. The "
        "weights and the data do not belong together."
    )
    E115 = (
        "Component '{name}' listens to '{upstream}' and expects vectors of width "
        "{expected}, but '{upstream}' has the width {found}. Set the same width in "
        "[components.{upstream}.model] and in the listener of "
        "[components.{name}.model], and train again if they were trained separately."
    )
    E116 = (
        "{labels:,} labels need {n_tags:,} tags and a transition matrix of "
        "{size:,.1f} GB, and several times as much memory in training. Up to "
        "{most:,} labels are possible. Use coarser labels here, and distinguish "
        "finer ones in a later component."
    )
    E117 = (
        "A label needs at least one character that is not a space, but one is "
        "{label!r}."
    )
    E120 = (
        "'{path}' has files that '{command}' did not write: {names}. Nothing was "
        "changed. Choose a new or an empty folder, or move these files away. Files "
        "written by earlier versions of spacy-ldnet count as unknown, too."
    )
    E121 = (
        "'{path}' was written by '{command}', but these files in it were added or "
        "changed since: {names}. Nothing was changed. Move them away, or choose "
        "another folder."
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
        "'{path}' could not be written: {reason}. What was there before is "
        "unchanged. Free some space, or correct the path or the permissions, and run "
        "the command again."
    )
    E125 = (
        "'{path}' is not a pipeline: {reason}. Give the directory of a trained "
        "pipeline (such as model-best) or of language models."
    )
    E126 = (
        "Text {number} cannot be written in columns: {reason}. Write marked text instead "
        "(--to text), or change the tokenizer."
    )
    E127 = (
        "The word vectors in '{path}' cannot be read, line {line}: {reason}. "
        "Expected a word and its numbers on each line, in UTF-8, as in the text "
        "formats of GloVe, fastText and word2vec."
    )
    E128 = (
        "The text of [{name}] cannot be read by its reader: {reason}. Expected one "
        'object per line, as in {{"text": "..."}}. @readers = '
        '"spacy-ldnet.RawTextCorpus.v1" skips and counts what it cannot read.'
    )
    E129 = (
        "There are no documents in '{path}'. Give a .spacy file with annotated "
        "documents, or a folder of them."
    )
    E130 = (
        "'{path}' has no variable for --{name}, so the option would have no "
        "effect.{hint} Known: {names}."
    )
    E131 = (
        "'{path}' has no setting for --{name}, so the option would have no "
        "effect.{hint} Known: {names}."
    )
    E132 = (
        "None of the documents could be annotated. '{path}' has the reason for each. "
        "Check --text-key, and whether the pipeline suits this text."
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
        "The {part} part of the corpus '{name}' has labels that its train part does "
        "not have: {labels}. The pipeline cannot learn them, and each would count as "
        "an error. Rename or remove them there, or label some of them in train."
    )
    E141 = (
        "The corpus '{name}' is a single file, but train, dev and test are needed. "
        "Split it with: python -m spacy ldnet corpus {path} OUT. Then give the "
        "folder OUT."
    )
    E142 = (
        "The {part} part is empty: '{path}' has no {what}. Is it the right file? "
        "Take the labelled sentences of this part from elsewhere, or split one file "
        "with: python -m spacy ldnet corpus FILE OUT."
    )
    E143 = (
        "'{path}' is not the file that the corpus 'open' is made from: {reason}. It "
        "is part of the repository. Restore the folder assets/ner from there."
    )
    E145 = (
        "The corpus 'open' is English, but vars.lang (--lang) is '{lang}'. Give gold "
        "data in this language, or set vars.corpus = teacher and vars.teacher to a "
        "pipeline for it."
    )
    E146 = (
        "'{path}' cannot be used: {reason}. It names the labels that this corpus "
        'annotates, as a JSON list: ["PER", "LOC"]. Without the file the corpus '
        "annotates all labels."
    )
    E147 = (
        "The {part} part of '{name}' claims to annotate {labels} (in labels.json, or "
        "in the user data of its docs), but no entity of the train parts has such a "
        "label. Is it a typo? The labels there are {known}."
    )
    E148 = (
        "The {part} part of '{name}' claims to annotate only {labels} (in "
        "labels.json, or in the user data of its docs), but has entities with other "
        "labels: {found}. Add these labels to the list, or remove the entities."
    )
    E150 = (
        "There are no language models and no pipeline named '{name}': {reason}. Give "
        "a directory, such as training/lm/model-best, or the import name of an "
        "installed package."
    )
    E151 = (
        "'{name}' is a pipeline. Its encoder has the layers of the language models "
        "but no softmax, so their perplexity cannot be measured and their "
        "pretraining cannot be continued. Give the language models that it was made "
        "from. A pipeline can be used with spacy-ldnet.EncoderLoader.v1."
    )
    E152 = (
        "The pipeline in '{path}' has {what}. Give one with an LD-Net encoder that has "
        "its weights (component 'ldnet', or spacy-ldnet.LDNetEncoder.v1 in a head)."
    )
    E153 = (
        "'{path}' differs from the file that meta.json describes: its SHA-256 begins "
        "with {found}, not with {expected}. It was truncated or changed, or belongs "
        "to other language models. Copy the directory again. After a run that was "
        "killed, --resume writes both."
    )
    E154 = "The file '{path}' of the language models cannot be read. {reason}"
    E155 = "'{value}' cannot be the {what} of the package. Give {reason}."
    E156 = (
        "'{path}' already exists. Give --overwrite to replace it, another --version, "
        "or another directory."
    )
    E157 = (
        "The package was not built: {reason}. Install the tools that build packages "
        "(pip install build wheel), or give --build none and build the directory "
        "yourself."
    )
    E158 = (
        "No text can be held out of [{name}]: it has {found} different texts, which "
        "are too few, or one of them is most of the text. Write one paragraph per "
        "line, or give a held-out text: --paths.dev_text dev.txt."
    )
    E159 = (
        "The language models in '{path}' do not belong together: {name} is {forward} "
        "in the forward and {backward} in the backward one. Pretrain both directions "
        "with one config."
    )
    E160 = (
        "The subwords that these language models read were not set. Call "
        "`set_subwords` first."
    )
    E161 = "[pretraining] has no setting '{name}'.{hint} Its settings are {known}."
    E170 = (
        "'{path}' cannot be read: {reason}. Give files of Prodigy, doccano or Label "
        'Studio, lines such as {{"text": "Ada", "entities": [[0, 3, "PER"]]}} '
        "(.jsonl, .json), columns (.iob, .conll, .txt, .tsv), or .spacy. For other "
        "formats use `spacy convert`."
    )
    E171 = (
        "Unusable labels in {place}: {reason}. Fix the line, or omit --strict to skip "
        "it."
    )
    E172 = (
        "The JSON array is damaged in {place}: {reason}. The file may be incomplete: "
        "export it again."
    )
    E173 = (
        "{names} has no spans to learn from. Texts: {reasons}. Correct the files, or "
        "choose others."
    )
    E174 = (
        "There are too few labelled texts to split them into parts: {found}. Each "
        "part needs a text of its own. Label more texts, or set --dev-share 0 and "
        "--test-share 0 to use everything for training."
    )
    E175 = (
        "'{path}' has a corpus that this command wrote before. Give --overwrite to "
        "replace it, or choose another folder."
    )
    E176 = (
        "spaCy has no tokenizer for the language '{lang}': {reason}. Give --lang a "
        "code that spaCy knows, such as en, de or xx (for many languages)."
    )
    E177 = (
        "No text has the key '{key}' that --document-key names, neither at the top "
        "level nor in its meta or data. The first text is in {place}. Correct the "
        "key, or omit the option."
    )
    E178 = (
        "The names of all files say that they are held out, so there is no training "
        "file: {names}. Add the training file, or rename the files to be split."
    )
    E179 = (
        "The {part} part would be empty: {reason}. Give it texts that are in no "
        "other part."
    )
    E180 = (
        "A network of the type '{name}' needs torch, which is not installed: pip "
        "install 'spacy-ldnet[train]'."
    )
    E181 = (
        "The weights '{name}' have numbers that are not finite (NaN or infinity). "
        "The training diverged, or the file is damaged: use an earlier checkpoint, "
        "or copy the pipeline again."
    )
    E182 = (
        "'{path}' is no gold data that can be read: {reason}. Give a .spacy file, a folder "
        "of them, or columns of tokens and tags (.iob, .iob2, .iobes, .biluo, .conll, .txt, "
        ".tsv). For other forms: python -m spacy ldnet corpus {path} OUT."
    )
    E183 = "The pipeline '{name}' cannot label entities: {reason}."
    E184 = (
        "The page needs the package '{name}', which is not installed. Install the extra: "
        "pip install 'spacy-ldnet[report]'."
    )
    E185 = (
        "There is no page about '{path}': {reason}. Give the JSON file that `python -m "
        "spacy ldnet compare --output` wrote."
    )
    E186 = (
        "The config '{path}' cannot train a student: {reason}. Give a config of one "
        "crf_ner, such as `python -m spacy ldnet init-config` writes."
    )
    E187 = "Nothing can be labelled: {reason}."
    E188 = (
        "No pipeline can be chosen by '{path}': {reason}. Give the JSON file that `python "
        "-m spacy ldnet compare --output` wrote, and the names of its rows."
    )
    E189 = (
        "The counts are of {first} and of {second} documents, so the pipelines cannot be "
        "compared. Score both on the same gold data."
    )
    E190 = (
        "There is no head '{name}' for --pipeline.{hint} Choose from {choices}. The "
        "shared encoder (tok2vec) is always added. You can add other components to "
        "the config afterwards."
    )
    E191 = (
        "'{path}' already exists. Give --force to replace it, or choose another file."
    )
    E192 = (
        "Component '{name}' listens to '{upstream}', but {reason}.{hint} Set the "
        "upstream of the listener in [components.{name}.model] to the name of an "
        "encoder before '{name}'. The encoders of this pipeline: {encoders}."
    )
    E193 = (
        "'{reader}' listens to '{upstream}', but got no vectors in training: no "
        "encoder of that name is updated before it. If the encoder is in [training] "
        "frozen_components, add its name to annotating_components, too. Otherwise "
        "check its name, and put it before its listeners in [nlp] pipeline."
    )
    E200 = (
        "The label set of {place} cannot be read: doc.user_data['{key}'] is "
        "{found!r}. It must be a list of the annotated labels, such as ['PER', "
        "'LOC'], or be absent if all labels are annotated."
    )
    E201 = (
        "The label set of {place} names {unknown}, but component '{name}' does not "
        "have this label. Its labels are {labels}. Correct doc.user_data['{key}'], "
        "or add examples with entities of this label."
    )
    E202 = (
        "The entity '{text}' in {place} has the label {label}, but the label set "
        "says that only {labels} are annotated there. Add the label to "
        "doc.user_data['{key}'], or remove the entities of this label."
    )
    E203 = (
        "spacy-ldnet.LabelSetCorpus.v1 has path = null. Give a .spacy file or a "
        "folder of them, in the config or as --paths.train corpus/train.spacy."
    )
    E204 = (
        "'{run}' cannot be the folder of a run (vars.run): {reason}. Give a new "
        "folder, such as runs/news, or that of an earlier run."
    )
    E205 = (
        "The run needs up to {need:.1f} GB on the disk of '{path}', but only "
        "{free:.1f} GB are free. Free some space, choose a folder on another disk "
        "(vars.run), or keep fewer word vectors (vars.vectors_rows)."
    )
    E206 = (
        "There is no corpus '{name}'. Give open, teacher, wnut17, wikigold, conll03, "
        "or a folder with train, dev and test in .spacy or in columns, or with several "
        "such folders."
    )
    E207 = (
        "The corpus '{name}' has {found} for its {part} part. Exactly one is needed, "
        "with one of these names: {names}. To split files: python -m spacy ldnet "
        "corpus FILES OUT."
    )
    E208 = (
        "A tagger cannot start from '{path}': {reason}. Give a pipeline with a crf_ner of "
        "that name, such as en_ldnet, and write its config with `python -m spacy ldnet "
        "init-config --start`."
    )
    E209 = (
        "init-config cannot write a config: {reason}. Give --lm DIRECTORY for new heads on "
        "language models, or --start PIPELINE to train a pipeline on other labels."
    )


class Warnings(metaclass=_WithCode):
    W040 = (
        "The cutoffs {left_out} of the adaptive softmax exceed the vocabulary of "
        "{rows} rows. The softmax uses the cutoffs {kept}."
    )
    W041 = "Skipped in [{name}]: {extent}, {place}: {reason}."
    W042 = (
        "Only the first {shown} warnings are shown. In all, {files} whole files and "
        "{lines:,} lines of others were skipped ({size:,} bytes). The manifest of "
        "the tokenized text names them."
    )
    W043 = (
        "'{name}', which '{head}' listens to, is in [training] frozen_components: "
        "its projection and gates are frozen too, and it must already have weights. "
        "To freeze only the language models, remove it from the list: train_lm = "
        "false already does so. To keep all of it frozen, add it to "
        "annotating_components, too."
    )
    W044 = (
        'precision = "bfloat16" is slower than "float32" on this processor, which '
        "has no instructions for it. Remove the setting, or override it when you "
        "load the pipeline: spacy.load(name, "
        "config={'components.NAME.model.precision': 'float32'})."
    )
    W045 = (
        'precision = "bfloat16" has no effect on this processor: torch has no LSTM '
        "in bfloat16 for it. Predictions are made in float32."
    )
    W046 = (
        "'{name}' listens to '{upstream}', but predicts with the vectors of "
        "'{other}', the nearest encoder before it: a document keeps the vectors of "
        "one encoder only. Put each component right behind its own encoder, or give "
        "it a copy of the encoder with nlp.replace_listeners."
    )
    W047 = (
        "Component '{name}' sets the spans '{key}', but [training.score_weights] has "
        "'{score}', which no component reports, so it is always 0. Set {score} = "
        "null and spans_{key}_f = 1.0 there."
    )
    W049 = (
        'precision = "bfloat16" is ignored without torch: numpy predicts in float32. For '
        "bfloat16: pip install 'spacy-ldnet[train]'."
    )
    W051 = (
        "{found}: {reason}. Train the gates (spacy-ldnet.gate_penalty.v1), for longer if "
        "they were trained before, or set the number of layers (--layers)."
    )
    W053 = (
        "'{name}' does not know {labels}, which '{path}' has: every entity of these labels "
        "counts as missed. Was it trained on other data?{hint}"
    )
    W054 = (
        "The training has {steps} updates, but its learning rate reaches zero after "
        "{total}. Set both to the same number: --{name} {steps} --{rate} {steps}."
    )
    W055 = (
        "{name} fell from {before:.4f} to {after:.4f} {what}. Allow more layers (the "
        "budget of spacy-ldnet.gate_penalty.v1, or --layers), train the gates for "
        "longer, or continue training the pruned pipeline, which often restores the "
        "score."
    )
    W056 = (
        "{share:.0%} of the words are unknown to the language models, so the "
        "perplexity says little: unknown words are easy to predict. Is the text in "
        "their language, and tokenized as theirs?"
    )
    W057 = (
        "'{name}' set nothing in {where}. Is it a pipeline for this kind of text and "
        "this language, and do its components write there?"
    )
    W058 = (
        "spacy.Corpus.v1 loses the label sets of the docs in '{path}' because of "
        "{reason}, so entities with other labels count as errors there. Set @readers = "
        '"spacy-ldnet.LabelSetCorpus.v1" in [corpora.{name}].'
    )
    W060 = (
        "{found:,} sentences of the {part} part of '{name}' are also in {others}. A "
        "pipeline that has memorized them scores too high. Remove them from {part}."
    )
    W061 = (
        "Only {share:.0%} of the words of the text are stop words of the language "
        "'{lang}', which is unusually few. Is the text in that language? If not, set "
        "vars.lang."
    )
    W064 = (
        "The perplexity of the {direction} language model is {after:.1f} at the end, "
        "worse than {before:.1f}, {start}. {remedy}."
    )
    W065 = (
        "The training text has {words:,} words, but language models trained from "
        "scratch need {enough:,} or more. Start from existing ones, "
        "--paths.init_from lm_en (a directory or an installed package), or give more "
        "text, which needs no labels."
    )
    W066 = (
        "{share:.0%} of the lines of the training text, estimated from a sample, "
        "occur more than once. Language models memorize such lines instead of "
        "learning from them: remove the copies."
    )
    W067 = (
        "{share:.0%} of the words of the training text are unknown to the language "
        "models in '{path}'. They were trained on another language or script, or on "
        "text tokenized differently. Choose others, start from scratch, or add rows "
        "for these words with [pretraining] extend_vocabulary = true."
    )
    W068 = (
        "The step that trains '{path}' was interrupted before. spaCy cannot resume a "
        "training, so it starts over."
    )
    W070 = (
        "No test part was made: {sentences} sentences in {texts} texts are too few "
        "to hold out two parts. A test part needs at least {least} sentences in 3 "
        "texts. Evaluate on dev, and label more."
    )
    W071 = (
        "{number:,} spans do not match token boundaries. {result} (--alignment). "
        "Correct the offsets, or choose a language whose tokenizer fits. {some}."
    )
    W072 = (
        "{number:,} spans match the tokens of their file, but not those of spaCy's "
        "tokenizer for '{lang}', so they cannot be found in running text. Is --lang "
        "right?"
    )
    W073 = (
        "The {part} part has labels that the train part does not have: {labels}. The "
        "pipeline cannot learn them. Label more of them, or try another --seed."
    )
    W074 = (
        "Some labels differ only in their spelling: {labels}. If they mean the same, "
        "spell them alike in the files."
    )
    W078 = (
        "The language models in '{path}' are for the language '{found}', but the "
        "config is for '{lang}'. They only know words of their own language: give "
        "language models for '{lang}', or omit --lang."
    )
    W079 = (
        "None of the heads {heads} reads word vectors, so --vectors only makes the "
        "pipeline larger. Omit it, or use crf_ner or a tagger."
    )


def suggest(name: str, known: Iterable[str], *, prefix: str = "") -> str:
    """Ask whether a known name is meant.

    name (str): An unknown name.
    known (Iterable[str]): The known names.
    prefix (str): What to write before the known name, such as "--vars.".
    RETURNS (str): The question, with a space before it; empty if no name is close.
    """
    close = get_close_matches(name.lower(), list(known), n=1)
    return f" Did you mean '{prefix}{close[0]}'?" if close else ""
