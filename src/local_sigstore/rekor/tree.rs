//! The Merkle tree of RFC 6962, section 2, with every complete subtree's hash at hand.

use sigstore_merkle::{hash_children, hash_leaf};
use sigstore_types::Sha256Hash;

use super::super::keys::sha256;

pub(super) type Hash = [u8; 32];

/// Hashes in a full tile (C2SP tlog-tiles).
pub(super) const TILE: u64 = 256;
/// Levels of the tree that one tile spans.
const TILE_HEIGHT: usize = 8;

/// A growing tree. `levels[k][i]` is the hash over leaves `i * 2^k` up to `(i + 1) * 2^k`.
#[derive(Default)]
pub(super) struct Tree {
    levels: Vec<Vec<Hash>>,
}

/// The hash of a leaf.
pub(super) fn leaf(entry: &[u8]) -> Hash {
    *hash_leaf(entry).as_bytes()
}

fn node(left: &Hash, right: &Hash) -> Hash {
    *hash_children(&Sha256Hash::new(*left), &Sha256Hash::new(*right)).as_bytes()
}

impl Tree {
    /// Leaves in the tree.
    pub(super) fn size(&self) -> u64 {
        self.levels.first().map_or(0, |leaves| leaves.len() as u64)
    }

    /// Adds a leaf's hash, and those of the subtrees that it completes.
    pub(super) fn push(&mut self, leaf: Hash) {
        let mut hash = leaf;
        for height in 0.. {
            if self.levels.len() == height {
                self.levels.push(Vec::new());
            }
            let Some(level) = self.levels.get_mut(height) else { return };
            level.push(hash);
            match level.as_slice() {
                [.., left, right] if level.len() % 2 == 0 => hash = node(left, right),
                _ => return,
            }
        }
    }

    /// The hash over everything; of an empty tree, the hash of nothing.
    pub(super) fn root(&self) -> Hash {
        self.range(0, self.size()).unwrap_or_else(|| sha256(b""))
    }

    /// The audit path of a leaf in the whole tree, from the leaf upwards; `None` where there is no such leaf.
    pub(super) fn inclusion_proof(&self, index: u64) -> Option<Vec<Hash>> {
        let (mut from, mut to) = (0, self.size());
        if index >= to {
            return None;
        }
        let mut path = Vec::new();
        while to - from > 1 {
            let middle = from + split(to - from);
            if index < middle {
                path.push(self.range(middle, to)?);
                to = middle;
            } else {
                path.push(self.range(from, middle)?);
                from = middle;
            }
        }
        path.reverse();
        Some(path)
    }

    /// The hash over leaves `from` up to `to`, where `from` is where such a subtree can begin.
    fn range(&self, from: u64, to: u64) -> Option<Hash> {
        let width = to.checked_sub(from)?;
        if width == 0 {
            return None;
        }
        if width.is_power_of_two() {
            let level = self.levels.get(width.trailing_zeros() as usize)?;
            return level.get(usize::try_from(from / width).ok()?).copied();
        }
        let middle = from + split(width);
        Some(node(&self.range(from, middle)?, &self.range(middle, to)?))
    }

    /// The hashes of a tile, `width` of them; `None` where the tree does not have them.
    pub(super) fn tile(&self, level: u64, index: u64, width: u64) -> Option<Vec<u8>> {
        let height = usize::try_from(level).ok()?.checked_mul(TILE_HEIGHT)?;
        let from = usize::try_from(index.checked_mul(TILE)?).ok()?;
        let to = from.checked_add(usize::try_from(width).ok()?)?;
        Some(self.levels.get(height)?.get(from..to)?.concat())
    }
}

/// The largest power of two below `width`, which is at least 2.
fn split(width: u64) -> u64 {
    1 << (u64::BITS - 1 - (width - 1).leading_zeros())
}

#[cfg(test)]
mod tests {
    use sigstore_merkle::verify_inclusion_proof;

    use super::*;

    /// Section 2.1 as it is written.
    fn plain_root(leaves: &[Hash]) -> Hash {
        match leaves {
            [] => sha256(b""),
            [one] => *one,
            _ => {
                let (left, right) = leaves.split_at(usize::try_from(split(leaves.len() as u64)).unwrap());
                node(&plain_root(left), &plain_root(right))
            }
        }
    }

    #[test]
    fn roots_are_those_of_the_definition_and_every_leaf_is_proved() {
        let mut tree = Tree::default();
        let mut leaves = Vec::new();
        assert_eq!(tree.root(), plain_root(&[]));
        for index in 0..70_u64 {
            let hash = leaf(&index.to_be_bytes());
            tree.push(hash);
            leaves.push(hash);
            let size = index + 1;
            let root = Sha256Hash::new(tree.root());
            assert_eq!(tree.root(), plain_root(&leaves), "size {size}");
            for (index, leaf) in (0..).zip(&leaves) {
                let proof: Vec<_> =
                    tree.inclusion_proof(index).unwrap().into_iter().map(Sha256Hash::new).collect();
                verify_inclusion_proof(&Sha256Hash::new(*leaf), index, size, &proof, &root)
                    .unwrap_or_else(|error| panic!("leaf {index} of {size}: {error}"));
            }
            assert_eq!(tree.inclusion_proof(size), None);
        }
    }

    #[test]
    fn tiles_hold_only_what_the_tree_has() {
        let mut tree = Tree::default();
        for index in 0..600_u64 {
            tree.push(leaf(&index.to_be_bytes()));
        }
        assert_eq!(tree.tile(0, 1, TILE).unwrap().len(), 256 * 32);
        assert_eq!(tree.tile(0, 2, 88).unwrap().len(), 88 * 32);
        assert_eq!(tree.tile(0, 2, 89), None);
        assert_eq!(tree.tile(1, 0, 2).unwrap().len(), 2 * 32);
        assert_eq!(tree.tile(1, 0, 3), None);
        assert_eq!(tree.tile(u64::MAX, u64::MAX, 1), None);
    }
}
