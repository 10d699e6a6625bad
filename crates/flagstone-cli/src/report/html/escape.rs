//! Text that came from elsewhere, made harmless.

use std::fmt;

/// Shows text as itself inside an element or a quoted attribute.
///
/// Names of programs and their arguments are whatever somebody ran.
pub(super) struct Escaped<'a>(pub(super) &'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for letter in self.0.chars() {
            match letter {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                // Not allowed in a page, whatever stands for them.
                letter if letter.is_control() => f.write_str("\u{FFFD}")?,
                letter => fmt::Write::write_char(f, letter)?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_stays_that_a_browser_would_act_on() {
        let text = Escaped("<b a=\"1\" c='2'>&\u{0}").to_string();
        assert_eq!(text, "&lt;b a=&quot;1&quot; c=&#39;2&#39;&gt;&amp;\u{FFFD}");
    }
}
