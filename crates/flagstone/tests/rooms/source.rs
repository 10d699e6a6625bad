//! What one source file says about its neighbours, read from its tokens.

use std::collections::BTreeSet;

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};

/// The names from the crate's root to a module; empty for the root.
pub(super) type ModulePath = Vec<String>;

/// A path in the source, in a `use` or in code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Reference {
    /// As written, `crate`, `self` and `super` included; without a final `*`.
    pub(super) segments: Vec<String>,
    /// Where.
    pub(super) line: usize,
    /// What it is written in.
    pub(super) place: Place,
}

/// What a path is written in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// An expression, a type, a macro body.
    Code,
    /// A `use` that gives the name (`*` for a glob) to its module.
    Use {
        /// The last segment, or what follows `as`.
        name: String,
        /// Whether it has a visibility, and so is a re-export.
        exported: bool,
    },
}

/// A module: a file, or a `mod name { .. }` in one.
#[derive(Debug, Default)]
pub(super) struct Module {
    /// From the crate's root.
    pub(super) path: ModulePath,
    /// Modules declared here.
    pub(super) children: BTreeSet<String>,
    /// Every path named here, in order.
    pub(super) references: Vec<Reference>,
    /// First line and keyword of each item that is neither `mod` nor `use`.
    pub(super) items: Vec<(usize, String)>,
}

/// A source file.
#[derive(Debug)]
pub(super) struct Source {
    /// Below `src`, with `/`.
    pub(super) file: String,
    /// The file's own module first, then the modules inside it.
    pub(super) modules: Vec<Module>,
    /// The line of the first `unsafe`, if any.
    pub(super) first_unsafe: Option<usize>,
    /// Lines that are neither blank nor a comment, up to the unit tests.
    pub(super) code_lines: usize,
}

impl Source {
    /// Reads `text`, the contents of `file`. Unit tests (`#[cfg(test)]`) are passed over: they may
    /// import what they like.
    ///
    /// # Panics
    ///
    /// When `text` is not made of Rust tokens.
    pub(super) fn read(file: &str, text: &str) -> Self {
        let tokens: TokenStream = text
            .parse()
            .unwrap_or_else(|error| panic!("{file} is not Rust: {error}"));
        let mut source = Self {
            file: file.to_owned(),
            modules: Vec::new(),
            first_unsafe: None,
            code_lines: count_lines(text),
        };
        source.module(module_of(file), tokens);
        source
    }

    /// Whether the file is `lib.rs` or a `mod.rs`.
    pub(super) fn is_facade(&self) -> bool {
        self.file == "lib.rs" || self.file.ends_with("mod.rs")
    }

    fn module(&mut self, path: ModulePath, tokens: TokenStream) {
        let here = self.modules.len();
        self.modules.push(Module {
            path,
            ..Module::default()
        });
        let tokens = without_tests(tokens);
        self.modules[here].items = items(&tokens);
        self.walk(here, &tokens);
    }

    fn walk(&mut self, here: usize, tokens: &[TokenTree]) {
        let mut at = 0;
        while let Some(token) = tokens.get(at) {
            at += match token {
                TokenTree::Group(group) => {
                    let inner: Vec<_> = group.stream().into_iter().collect();
                    self.walk(here, &inner);
                    1
                }
                TokenTree::Ident(word) if word == "unsafe" => {
                    self.first_unsafe.get_or_insert(line(token));
                    1
                }
                TokenTree::Ident(word) if word == "mod" => self.declaration(here, &tokens[at..]),
                TokenTree::Ident(word) if word == "use" && !is_punct(tokens.get(at + 1), '<') => {
                    let exported = at > 0 && !ends_item(&tokens[at - 1]);
                    let end = at + 1 + until(&tokens[at + 1..], ';');
                    use_tree(&tokens[at + 1..end], &[], exported, &mut self.modules[here]);
                    end + 1 - at
                }
                // `pub(in crate::pool)` restricts, it does not import.
                TokenTree::Ident(word) if word == "in" => {
                    1 + path(&tokens[at + 1..]).map_or(0, |(_, used)| used)
                }
                TokenTree::Ident(_) => self.path(here, &tokens[at..]),
                _ => 1,
            };
        }
    }

    /// `mod name;` or `mod name { .. }`; returns how many tokens it took.
    fn declaration(&mut self, here: usize, tokens: &[TokenTree]) -> usize {
        let [_, TokenTree::Ident(name), after, ..] = tokens else {
            return 1;
        };
        let name = name.to_string();
        let mut inner = self.modules[here].path.clone();
        inner.push(name.clone());
        self.modules[here].children.insert(name);
        if let TokenTree::Group(body) = after {
            self.module(inner, body.stream());
        }
        3
    }

    /// A path in code; returns how many tokens it took.
    fn path(&mut self, here: usize, tokens: &[TokenTree]) -> usize {
        let Some((segments, used)) = path(tokens) else {
            return 1;
        };
        if segments.len() > 1 {
            self.modules[here].references.push(Reference {
                segments,
                line: line(&tokens[0]),
                place: Place::Code,
            });
        }
        used
    }
}

/// The module that a file of the library is.
fn module_of(file: &str) -> ModulePath {
    let stem = file.strip_suffix(".rs").unwrap_or(file);
    let mut path: ModulePath = stem.split('/').map(str::to_owned).collect();
    if path
        .last()
        .is_some_and(|last| last == "mod" || last == "lib")
    {
        path.pop();
    }
    path
}

fn count_lines(text: &str) -> usize {
    text.lines()
        .map(str::trim)
        .take_while(|line| *line != "#[cfg(test)]")
        .filter(|line| !line.is_empty() && !line.starts_with("//"))
        .count()
}

/// The tokens without items under `#[cfg(test)]`.
fn without_tests(tokens: TokenStream) -> Vec<TokenTree> {
    let tokens: Vec<_> = tokens.into_iter().collect();
    let mut kept = Vec::with_capacity(tokens.len());
    let mut at = 0;
    while at < tokens.len() {
        if is_punct(tokens.get(at), '#') && is_cfg_test(tokens.get(at + 1)) {
            at += 2 + item_length(&tokens[at + 2..]);
        } else {
            kept.push(tokens[at].clone());
            at += 1;
        }
    }
    kept
}

fn is_cfg_test(token: Option<&TokenTree>) -> bool {
    matches!(token, Some(TokenTree::Group(group)) if group.to_string().replace(' ', "") == "[cfg(test)]")
}

/// Items of a module that are neither `mod` nor `use`.
fn items(tokens: &[TokenTree]) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        // Attributes, `!` of inner ones, and visibilities.
        match &tokens[at] {
            TokenTree::Punct(_) | TokenTree::Group(_) => at += 1,
            TokenTree::Ident(word) if word == "pub" => at += 1,
            TokenTree::Literal(_) => at += 1,
            TokenTree::Ident(word) => {
                let word = word.to_string();
                if !["mod", "use", "extern"].contains(&word.as_str()) {
                    found.push((line(&tokens[at]), word));
                }
                at += item_length(&tokens[at..]);
            }
        }
    }
    found
}

/// How many tokens the item at the start takes: up to its body or its semicolon.
fn item_length(tokens: &[TokenTree]) -> usize {
    let keyword = tokens.iter().find_map(|token| match token {
        TokenTree::Ident(word) if word != "pub" => Some(word.to_string()),
        _ => None,
    });
    let bodiless = ["use", "const", "static", "type"];
    let has_body = !keyword.is_some_and(|word| bodiless.contains(&word.as_str()));
    let end = tokens.iter().position(|token| {
        is_punct(Some(token), ';') || (has_body && is_group(token, Delimiter::Brace).is_some())
    });
    end.map_or(tokens.len(), |end| end + 1)
}

/// The path that starts here and how many tokens it takes, without generic arguments.
fn path(tokens: &[TokenTree]) -> Option<(Vec<String>, usize)> {
    let mut segments = vec![ident(tokens.first()?)?];
    let mut used = 1;
    while is_punct(tokens.get(used), ':') && is_punct(tokens.get(used + 1), ':') {
        let Some(next) = tokens.get(used + 2).and_then(ident) else {
            break;
        };
        segments.push(next);
        used += 3;
    }
    Some((segments, used))
}

/// Adds what the `use` tree in `tokens` imports, below `prefix`.
fn use_tree(tokens: &[TokenTree], prefix: &[String], exported: bool, module: &mut Module) {
    let tokens = match tokens {
        [TokenTree::Punct(a), TokenTree::Punct(b), rest @ ..]
            if a.as_char() == ':' && b.as_char() == ':' =>
        {
            rest
        }
        _ => tokens,
    };
    let (mut segments, used) = path(tokens).unwrap_or_default();
    segments.splice(0..0, prefix.iter().cloned());
    let rest = &tokens[used..];
    let braces = rest
        .iter()
        .find_map(|token| is_group(token, Delimiter::Brace));
    if let Some(group) = braces {
        let inner: Vec<_> = group.stream().into_iter().collect();
        for branch in inner.split(|token| is_punct(Some(token), ',')) {
            if !branch.is_empty() {
                use_tree(branch, &segments, exported, module);
            }
        }
        return;
    }
    let Some(first) = tokens.first() else { return };
    if prefix.len() + 1 == segments.len()
        && !prefix.is_empty()
        && segments.ends_with(&["self".into()])
    {
        segments.pop();
    }
    let last = segments.last().cloned().unwrap_or_default();
    let name = match rest {
        [TokenTree::Ident(word), TokenTree::Ident(name)] if word == "as" => name.to_string(),
        _ if rest.iter().any(|token| is_punct(Some(token), '*')) => "*".to_owned(),
        _ if tokens.len() == 1 && is_punct(Some(first), '*') => "*".to_owned(),
        _ => last,
    };
    module.references.push(Reference {
        segments,
        line: line(first),
        place: Place::Use { name, exported },
    });
}

/// Whether nothing of an item can precede what follows `token`: no visibility stands there.
fn ends_item(token: &TokenTree) -> bool {
    match token {
        TokenTree::Ident(word) => word != "pub",
        TokenTree::Group(group) => group.delimiter() != Delimiter::Parenthesis,
        _ => true,
    }
}

fn until(tokens: &[TokenTree], end: char) -> usize {
    let found = tokens.iter().position(|token| is_punct(Some(token), end));
    found.unwrap_or(tokens.len())
}

fn ident(token: &TokenTree) -> Option<String> {
    match token {
        TokenTree::Ident(word) => Some(word.to_string()),
        _ => None,
    }
}

fn is_punct(token: Option<&TokenTree>, char: char) -> bool {
    matches!(token, Some(TokenTree::Punct(punct)) if punct.as_char() == char)
}

fn is_group(token: &TokenTree, delimiter: Delimiter) -> Option<&Group> {
    match token {
        TokenTree::Group(group) if group.delimiter() == delimiter => Some(group),
        _ => None,
    }
}

fn line(token: &TokenTree) -> usize {
    token.span().start().line
}
