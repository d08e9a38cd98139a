"""LD-Net for spaCy: contextual word representations that are fast on a CPU.

Most of this package is used by name: in configs, by its registered functions, and on the
command line, as `python -m spacy ldnet`. The Python API is the following; other names may
change with any version.

- `spacy_ldnet.annotation`: annotate
- `spacy_ldnet.cli.decode`: decode
- `spacy_ldnet.cli.init_config`: init_config
- `spacy_ldnet.cli.package`: package
- `spacy_ldnet.describe`: describe, describe_lm, load_pipeline, measure_speed
- `spacy_ldnet.distillation`: distil, teach, train_student
- `spacy_ldnet.engines`: Engine, make_engine
- `spacy_ldnet.evaluation.compare`: compare
- `spacy_ldnet.labelled`: LabelSetCorpus, conll_ents, make_corpus, read_columns,
  read_label_set, to_conll
- `spacy_ldnet.legacy`: build_pipeline, read_checkpoint, write_language_models
- `spacy_ldnet.models`: NetworkShim, find_encoders
- `spacy_ldnet.nn`: DenseRNN, LDNetEncoder, LanguageModel, LinearChainCRF, TokenStack,
  viterbi_decode
- `spacy_ldnet.pipeline`: LDNet, SequenceLabeller
- `spacy_ldnet.pretraining`: PretrainingSettings, measure_text, pretrain, read_settings
- `spacy_ldnet.pruning`: PruningReport, budget_scores, encoders_in, find_gated, keep_only,
  prune_encoder, prune_language_models, prune_pipeline, prune_saved_pipeline
- `spacy_ldnet.report`: read_comparison, write_page
- `spacy_ldnet.runtime`: network_from_bytes
"""

from .about import __version__

__all__ = ["__version__"]
