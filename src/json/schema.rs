//! JSON Schemas of types whose form serde's attributes do not tell.

/// Implements `JsonSchema` for a type: what its JSON looks like.
#[cfg(feature = "schema")]
macro_rules! schema_of {
    ($name:ident, $schema:tt) => {
        impl schemars::JsonSchema for $name {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!($schema)
            }
        }
    };
}

/// Without the feature, types have no schema.
#[cfg(not(feature = "schema"))]
macro_rules! schema_of {
    ($name:ident, $schema:tt) => {};
}

pub(crate) use schema_of;
