//! All sources of the library, and how a name is followed to the file that defines it.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use super::source::{Module, ModulePath, Place, Reference, Source};

/// A crate's sources.
#[derive(Debug)]
pub(super) struct House {
    sources: Vec<Source>,
    /// Module to (source, module in it).
    modules: BTreeMap<ModulePath, (usize, usize)>,
}

/// One file needs another.
#[derive(Clone, Debug)]
pub(super) struct Import<'h> {
    /// Who imports.
    pub(super) from: &'h Source,
    /// The path that says so.
    pub(super) reference: &'h Reference,
    /// Where the name is defined, re-exports followed.
    pub(super) to: &'h Source,
}

impl House {
    /// The library's own sources.
    pub(super) fn of_this_crate() -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let mut files = Vec::new();
        collect(&root, &root, &mut files);
        Self::of_files(files)
    }

    /// Files given as path below `src` and text.
    pub(super) fn of_files(files: impl IntoIterator<Item = (String, String)>) -> Self {
        let sources: Vec<_> = files
            .into_iter()
            .map(|(file, text)| Source::read(&file, &text))
            .collect();
        let mut modules = BTreeMap::new();
        for (at, source) in sources.iter().enumerate() {
            for (inner, module) in source.modules.iter().enumerate() {
                modules.insert(module.path.clone(), (at, inner));
            }
        }
        Self { sources, modules }
    }

    /// The files.
    pub(super) fn sources(&self) -> &[Source] {
        &self.sources
    }

    /// Every path in the sources that leads to a module of this crate.
    ///
    /// A re-export in a `lib.rs` or `mod.rs` is not a need of that file, so it counts only where it
    /// leads out of the file's own folder.
    pub(super) fn imports(&self) -> impl Iterator<Item = Import<'_>> {
        self.references().filter_map(|(from, module, reference)| {
            let to = self.resolve(module, &reference.segments, &mut BTreeSet::new())?;
            let (source, _) = self.modules[&to];
            let to_source = &self.sources[source];
            let exported = matches!(&reference.place, Place::Use { exported: true, .. });
            let own_folder = to.starts_with(&module.path);
            (!(from.is_facade() && exported && own_folder)).then_some(Import {
                from,
                reference,
                to: to_source,
            })
        })
    }

    /// Every path in the sources that does not lead to a module of this crate, written from the
    /// other crate's root.
    pub(super) fn foreign(&self) -> impl Iterator<Item = (&Source, &Reference, Vec<String>)> {
        self.references().filter_map(|(from, module, reference)| {
            let to = self.resolve(module, &reference.segments, &mut BTreeSet::new());
            if to.is_some() {
                return None;
            }
            let (first, rest) = reference.segments.split_first()?;
            let whole = match (&reference.place, find_use(module, first)) {
                (Place::Code, Some(found)) => [&found.segments[..], rest].concat(),
                _ => reference.segments.clone(),
            };
            Some((from, reference, whole))
        })
    }

    fn references(&self) -> impl Iterator<Item = (&Source, &Module, &Reference)> {
        self.sources.iter().flat_map(|source| {
            let modules = source.modules.iter();
            modules.flat_map(move |module| {
                let references = module.references.iter();
                references.map(move |reference| (source, module, reference))
            })
        })
    }

    /// The module that defines what `segments` names in `module`; `None` when that is outside the
    /// crate. `seen` ends the walk when names re-export each other.
    fn resolve(
        &self,
        module: &Module,
        segments: &[String],
        seen: &mut BTreeSet<(ModulePath, Vec<String>)>,
    ) -> Option<ModulePath> {
        if !seen.insert((module.path.clone(), segments.to_vec())) {
            return None;
        }
        let mut at = module.path.clone();
        let mut rest = segments;
        match rest.first().map(String::as_str) {
            Some("crate") => (at, rest) = (Vec::new(), &rest[1..]),
            Some("self") => rest = &rest[1..],
            Some("super") => {
                while rest.first().is_some_and(|first| first == "super") {
                    at.pop();
                    rest = &rest[1..];
                }
            }
            Some(first) if module.children.contains(first) => {}
            Some(first) => return self.imported(module, first, &rest[1..], seen),
            None => {}
        }
        self.descend(at, rest, seen)
    }

    /// Follows `rest` down from the module at `at`.
    fn descend(
        &self,
        mut at: ModulePath,
        rest: &[String],
        seen: &mut BTreeSet<(ModulePath, Vec<String>)>,
    ) -> Option<ModulePath> {
        for (depth, segment) in rest.iter().enumerate() {
            at.push(segment.clone());
            if self.modules.contains_key(&at) {
                continue;
            }
            at.pop();
            let module = self.module(&at)?;
            let named = find_use(module, segment);
            return match named {
                Some(_) => self.imported(module, segment, &rest[depth + 1..], seen),
                None => Some(at),
            };
        }
        self.modules.contains_key(&at).then_some(at)
    }

    /// What `name::rest` leads to when `name` was given to `module` by a `use`.
    fn imported(
        &self,
        module: &Module,
        name: &str,
        rest: &[String],
        seen: &mut BTreeSet<(ModulePath, Vec<String>)>,
    ) -> Option<ModulePath> {
        let found = find_use(module, name)?;
        let whole = [&found.segments[..], rest].concat();
        self.resolve(module, &whole, seen)
    }

    fn module(&self, path: &ModulePath) -> Option<&Module> {
        let (source, module) = self.modules.get(path)?;
        Some(&self.sources[*source].modules[*module])
    }
}

fn find_use<'m>(module: &'m Module, wanted: &str) -> Option<&'m Reference> {
    module
        .references
        .iter()
        .find(|reference| matches!(&reference.place, Place::Use { name, .. } if name == wanted))
}

fn collect(root: &Path, folder: &Path, files: &mut Vec<(String, String)>) {
    let entries = fs::read_dir(folder).expect("the folder of the sources");
    let mut paths: Vec<_> = entries
        .map(|entry| entry.expect("an entry of a readable folder").path())
        .collect();
    paths.sort();
    for path in paths {
        if path.is_dir() {
            collect(root, &path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let below = path.strip_prefix(root).expect("found below the root");
            let name = below.to_string_lossy().replace('\\', "/");
            files.push((name, fs::read_to_string(&path).expect("a readable source")));
        }
    }
}
