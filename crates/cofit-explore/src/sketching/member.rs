//! A member of a template: its parameters' values, its text, its model.

use cofit_import::sketch::{Domain, Scalar, Sketch, SketchOptions, Weights};
use cofit_ir::Verified;
use cofit_vocab::Diagnostics;

use super::{Question, Template};

/// Parameters that are sizes, in the order in which they are enlarged, with the direction of larger
/// networks.
pub(super) const SIZES: [(&str, Larger); 3] =
    [("reduction", Larger::Down), ("depth", Larger::Up), ("width", Larger::Up)];

/// Where larger networks lie on a parameter's range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Larger {
    /// At its greater end.
    Up,
    /// At its lesser end.
    Down,
}

/// A template with values.
#[derive(Clone, Debug, PartialEq)]
pub struct Member {
    /// The template.
    pub template: &'static Template,
    /// Values that are not the template's own, in the order in which they were given.
    pub values: Vec<(String, String)>,
}

impl Member {
    /// The least member of a style.
    pub(super) fn least(form: &Form, question: &Question, style: Vec<(String, String)>) -> Self {
        let mut member = Self { template: form.template, values: style };
        let [rows, columns, channels] = question.input;
        let given = [
            ("rows", rows),
            ("columns", columns),
            ("channels", channels),
            ("classes", question.classes),
        ];
        for (name, value) in given {
            if form.sketch.parameters().iter().any(|parameter| parameter.name == name) {
                member.values.push((name.to_owned(), value.to_string()));
            }
        }
        for (name, larger) in SIZES {
            if let Some((least, most)) = form.range(name) {
                let value = match larger {
                    Larger::Up => least,
                    Larger::Down => most,
                };
                member.values.push((name.to_owned(), value.to_string()));
            }
        }
        member
    }

    /// The same member with another size.
    pub(super) fn with(&self, name: &str, value: u32) -> Self {
        let mut member = self.clone();
        for (known, held) in &mut member.values {
            if known == name {
                *held = value.to_string();
            }
        }
        member
    }

    /// The size `name`; `None` where the template has none of that name.
    pub fn size(&self, name: &str) -> Option<u32> {
        let (_, value) = self.values.iter().find(|(known, _)| known == name)?;
        value.parse().ok()
    }

    /// The sketch, with these values in place of the template's own: what the user gets.
    ///
    /// # Errors
    /// The template is none, which is a mistake of cofit.
    pub fn text(&self, name: &str) -> Result<String, Diagnostics> {
        let form = Form::new(self.template)?;
        let mut text = self.template.text.to_owned();
        let mut parameters: Vec<_> = form.sketch.parameters().iter().collect();
        // From the end, so that earlier places stay where they are.
        parameters.sort_by_key(|parameter| std::cmp::Reverse(parameter.span.start));
        for parameter in parameters {
            let Some((_, value)) = self.values.iter().find(|(known, _)| *known == parameter.name)
            else {
                continue;
            };
            let written = match parameter.value {
                Scalar::Number(_) => value.clone(),
                Scalar::Word(_) => format!("\"{value}\""),
            };
            text.replace_range(parameter.span.clone(), &written);
        }
        let own = format!("name = \"{}\"", self.template.name);
        Ok(text.replacen(&own, &format!("name = \"{name}\""), 1))
    }
}

/// A template that was read.
#[derive(Debug)]
pub(super) struct Form {
    /// The template.
    pub(super) template: &'static Template,
    /// What it says.
    pub(super) sketch: Sketch,
}

impl Form {
    /// Reads a template.
    ///
    /// # Errors
    /// The template is none, which is a mistake of cofit.
    pub(super) fn new(template: &'static Template) -> Result<Self, Diagnostics> {
        Ok(Self { template, sketch: Sketch::parse(template.text, template.name)? })
    }

    /// Least and greatest value of the size `name`.
    pub(super) fn range(&self, name: &str) -> Option<(u32, u32)> {
        let mut parameters = self.sketch.parameters().iter();
        match parameters.find(|parameter| parameter.name == name)?.domain {
            // The templates state small whole numbers.
            Domain::Between(least, most) => Some((least as u32, most as u32)),
            Domain::Any | Domain::Choices(_) => None,
        }
    }

    /// The model of a member, without weights.
    ///
    /// # Errors
    /// It cannot be built, as where a window is larger than its input.
    pub(super) fn model(&self, member: &Member) -> Result<Verified, Diagnostics> {
        let options = SketchOptions { parameters: member.values.clone(), weights: Weights::Absent };
        Verified::new(self.sketch.expand(&options)?)
    }
}
