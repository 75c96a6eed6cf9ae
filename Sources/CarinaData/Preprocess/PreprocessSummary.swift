/// What a preprocessing run did.
public struct PreprocessSummary: Equatable, Sendable {
  /// What was written.
  public let manifest: ShardManifest
  /// The first inputs left out, with reasons; all of them are in `rejected.jsonl`.
  public let firstRejections: [String]
  /// The first images whose grey may be the wrong way round; all of them are in `remarks.jsonl`.
  public let firstInversions: [String]
  /// The first images with a tag that says they are not upright, and the tag; all of them are in `remarks.jsonl`.
  public let firstOrientations: [String]
  /// The first images whose files are odd in themselves, and how; all of them are in `remarks.jsonl`.
  public let firstFileRemarks: [String]
  /// Images that name no patient: overlap of patients between splits cannot be seen for them.
  public let imagesWithoutPatient: Int
  /// Images that lie outside the image roots: absolute, by `..` or by a link.
  public let imagesOutsideRoots: Int
  /// The first of them.
  public let firstOutsideRoots: [String]
  /// What the archive holds, with the published counts.
  public let counts: [ArchiveCount]
  /// What the adapter has to say: inputs that policies left out, and what cannot be known.
  public let remarks: [String]
}
