"""Where the cards answer what the practice of model cards and datasheets asks for.

Sources: Mitchell et al., Model Cards for Model Reporting, FAT* 2019, section 4; Gebru et al., Datasheets for Datasets,
Communications of the ACM 64 (2021).
"""

# What is asked for, and the sections of the page that answer it.
MODEL_CARD_SECTIONS: list[dict[str, object]] = [
    {"asks": "Model details", "sections": ["model", "training"]},
    {"asks": "Intended use", "sections": ["about"]},
    {"asks": "Factors", "sections": ["slices"]},
    {"asks": "Metrics", "sections": ["evaluation", "decisions"]},
    {"asks": "Evaluation data", "sections": ["training"]},
    {"asks": "Training data", "sections": ["training"]},
    {"asks": "Quantitative analyses", "sections": ["evaluation", "slices", "calibration"]},
    {"asks": "Ethical considerations", "sections": ["limits", "oversight"]},
    {"asks": "Caveats and recommendations", "sections": ["limits", "gate"]},
]

DATASHEET_SECTIONS: list[dict[str, object]] = [
    {"asks": "Motivation", "sections": ["about"]},
    {"asks": "Composition", "sections": ["columns", "days", "features"]},
    {"asks": "Collection process", "sections": ["source"]},
    {"asks": "Preprocessing, cleaning, labelling", "sections": ["label", "validation", "features"]},
    {"asks": "Uses", "sections": ["about"]},
    {"asks": "Distribution", "sections": ["source"]},
    {"asks": "Maintenance", "sections": ["about", "hashes"]},
]
