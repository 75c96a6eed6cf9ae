import Foundation

/// VQA-RAD (Lau et al. 2018), as `SampleFormat.vqaRad` says, with the choice to take chest images only.
enum VQARadAdapter {
  static func read(
    _ input: ArchiveInput, _ options: ArchiveOptions, _ emit: (SampleRecord) throws -> Void
  ) throws -> ArchiveRecords {
    let format = SampleFormat.vqaRad
    var archive = ArchiveRecords()
    archive.files = [input.path]
    var (samples, otherRegion) = (0, 0)
    var (all, train, test) = (DistinctNames(input.spill), DistinctNames(input.spill), DistinctNames(input.spill))
    try SampleReader.forEach(input.path) { value, index, source in
      let record = try format.record(value, index: index, source: source)
      samples += 1
      try all.add(record.image)
      if record.split == "test" { try test.add(record.image) } else { try train.add(record.image) }
      if options.chestOnly, value["image_organ"]?.string?.uppercased() != "CHEST" {
        otherRegion += 1
      } else {
        try emit(record)
      }
    }
    let different = try all.count()
    archive.counts = [format.count("samples", samples), format.count("images", different)]
    archive.note(
      try train.count() + test.count() - different, "images are in both of the published splits: a known leak")
    archive.note(otherRegion, "samples about other than chest images are left out")
    return archive
  }
}
