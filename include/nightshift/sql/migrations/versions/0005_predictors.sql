-- The fast form of a model belongs to its version.

alter table ml.model_versions add column predictor jsonb;
comment on column ml.model_versions.predictor is 'The form in which it scores many rows: kind (tables or native), the sha256 of the tables, or the reason why there are none. Null: trained before there were any, so native.';
