/// What a preprocessing run reads before it looks at images.
struct PreprocessJob {
  let roots: ImageRoots
  /// The archive, its records divided when the options say so.
  let archive: ArchiveRecords
  /// SHA-256 of the annotations.
  let digest: String

  init(_ options: PreprocessOptions) throws {
    roots = try ImageRoots(options.imageRoots)
    var archive = try ArchiveReader.read(
      options.records, format: options.format, imageRoots: options.imageRoots, options: options.archive)
    if let plan = options.splits { archive.records = try plan.applied(to: archive.records, source: options.records) }
    digest = try archive.digest()
    self.archive = archive
  }
}
