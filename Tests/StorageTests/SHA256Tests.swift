import Glibc
import Storage
import TestSupport
import Testing

@Suite("SHA-256")
struct SHA256Tests {
  private func hexDigest(_ bytes: [UInt8]) -> String {
    bytes.withUnsafeBytes { SHA256.hexDigest($0) }
  }

  @Test(
    "Gives the answers of FIPS 180-4 and the NIST example vectors",
    arguments: [
      ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
      ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
      (
        "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
        "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
      ),
      (
        "abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqr"
          + "lmnopqrsmnopqrstnopqrstu",
        "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1"
      ),
    ])
  func vectors(text: String, digest: String) {
    #expect(hexDigest(Array(text.utf8)) == digest)
  }

  @Test("Gives the answer of FIPS 180-4 for a million times the letter a")
  func million() {
    #expect(
      hexDigest([UInt8](repeating: 0x61, count: 1_000_000))
        == "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0")
  }

  @Test("Gives the same digest with the CPU's instructions and without, fed in any pieces")
  func plain() {
    let bytes = (0..<700).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 3) }
    for count in 0...bytes.count {
      var digests: [[UInt8]] = []
      for (usesInstructions, piece) in [(true, 700), (false, 700), (true, 61), (false, 130)] {
        var digest = SHA256(usesInstructions: usesInstructions)
        bytes[..<count].withUnsafeBytes { all in
          for first in stride(from: 0, to: count, by: piece) {
            digest.update(UnsafeRawBufferPointer(rebasing: all[first..<min(first + piece, count)]))
          }
        }
        digests.append(digest.finalize())
      }
      #expect(Set(digests).count == 1, "\(count)")
    }
  }

  /// First 32 bits for each length, and the digest of all 201 hexadecimal digests joined. Made with
  /// Python: `hashlib.sha256(bytes((i*7+n)%256 for i in range(n))).hexdigest()` for n in range(201).
  @Test("Agrees with Python's hashlib for every length from 0 to 200")
  func everyLength() {
    var joined = ""
    for (n, start) in Self.starts.enumerated() {
      let digest = hexDigest((0..<n).map { UInt8(($0 * 7 + n) % 256) })
      #expect(UInt32(digest.prefix(8), radix: 16) == start, "length \(n)")
      joined += digest
    }
    #expect(
      hexDigest(Array(joined.utf8))
        == "de444fd33c2915b23d3772a4de9aa249a9206ee2f93688a74e332e160c085f41")
  }

  @Test("Gives one digest however the bytes are split")
  func splits() {
    let bytes = (0..<300).map { UInt8(truncatingIfNeeded: $0 &* 31) }
    let whole = hexDigest(bytes)
    for first in 0...130 {
      for second in [0, 1, 63, 64, 65, 128] {
        var hash = SHA256()
        bytes.withUnsafeBytes { all in
          hash.update(UnsafeRawBufferPointer(rebasing: all[..<first]))
          hash.update(UnsafeRawBufferPointer(rebasing: all[first..<(first + second)]))
          hash.update(UnsafeRawBufferPointer(rebasing: all[(first + second)...]))
        }
        #expect(SHA256.hex(hash.finalize()) == whole)
      }
    }
  }

  @Test("Digests a file through its buffer, reports progress and stops when told to")
  func file() throws {
    let folder = TemporaryFolder()
    let path = folder.file("three megabytes")
    let bytes = (0..<3_000_000).map { UInt8(truncatingIfNeeded: $0 &* $0 >> 7) }
    try AtomicFile.write(bytes, to: path)
    var seen: [Int] = []
    let digest = try SHA256.hexDigest(ofFile: path) { done in
      seen.append(done)
      return true
    }
    #expect(digest == hexDigest(bytes))
    #expect(seen.last == bytes.count)
    #expect(seen == seen.sorted())
    let error = #expect(throws: StorageError.self) {
      try SHA256.hexDigest(ofFile: path) { _ in false }
    }
    #expect(error?.code == .cancelled)
  }

  private static let starts: [UInt32] = [
    0xe3b0_c442, 0x4bf5_122f, 0x4b28_71da, 0x6ab0_dba1, 0xcc91_969e, 0x548f_1ba2, 0xd9be_be62,
    0xea32_9d80,
    0xf8d2_f3f0, 0xebf3_8f05, 0xebed_051b, 0xee18_d80d, 0x2742_24d6, 0xc4b3_9344, 0xf784_4170,
    0xd31c_84cc,
    0x91fa_54b4, 0xcf19_7c74, 0x82b2_6c63, 0x676d_cbee, 0xf35b_a446, 0x3256_422b, 0xb570_f8ff,
    0x480b_b272,
    0x6aa2_0097, 0x46f2_2d0c, 0x5649_3089, 0x9e27_fdce, 0x6a05_fba9, 0xb3c9_8cf7, 0x546f_9cdd,
    0x6c56_c9f0,
    0x70b2_5e78, 0x91b1_f04c, 0xa77a_82dd, 0x0def_435a, 0x76f2_6884, 0x6048_30b3, 0xe948_4af3,
    0xf2ce_036a,
    0x1270_0850, 0xd52c_9271, 0x89e9_f1b1, 0xb1dc_5861, 0x88a0_cbfc, 0xadfd_b4e4, 0x5d7f_b8c3,
    0xc05e_afab,
    0x1b9b_b784, 0xf2fb_ae74, 0x12e6_b65d, 0x45c4_681f, 0x7307_c900, 0xb960_bcf7, 0x1ad6_16be,
    0x81af_e5b7,
    0x2aba_54f0, 0x9032_84ef, 0x4929_8f16, 0x1b70_d65e, 0xa739_5392, 0xeb75_a7c8, 0xc2c0_2d57,
    0x733d_3d4e,
    0x7932_2907, 0xd85c_007c, 0x4bd0_7799, 0xbfa5_3da1, 0xd7b5_0207, 0x175c_b3b4, 0xb609_1ec9,
    0x8798_aff4,
    0x2209_4512, 0x9562_f475, 0x0bb0_cef2, 0x6a0e_f990, 0x8a33_581f, 0x98a6_7047, 0x0acb_3e85,
    0xad6a_07a7,
    0xa6e5_2afb, 0x377a_4403, 0x4c3e_7a41, 0xfc9f_b042, 0x144c_f6dd, 0x266b_94db, 0xf028_4cad,
    0xcd1a_e968,
    0xf95c_65d1, 0x5716_a97f, 0xb93c_6d70, 0xa9da_5f64, 0x01ec_3620, 0xbc7e_eb52, 0xb8b3_92cf,
    0x9e1c_7c73,
    0x4a0a_3813, 0x02bb_4113, 0xe026_184f, 0x2ac6_6f34, 0x2f52_d6c6, 0xa5b8_1b49, 0xd69d_ce1d,
    0x900a_d118,
    0x1e23_a812, 0x58ac_756b, 0xa35c_d046, 0x55bf_424a, 0xba09_9012, 0x1495_e6b7, 0x87f2_2f4d,
    0xb41a_e523,
    0x0949_563b, 0x797b_1388, 0x7da5_4c63, 0xef79_5a2d, 0x618b_0c28, 0x5755_466e, 0x718a_b275,
    0x6c87_eedf,
    0x4250_0cf6, 0xbfee_8850, 0xe7b3_de51, 0x8dd1_b5fc, 0x5b97_543a, 0xe531_b989, 0x5ae4_8c4d,
    0x68f6_ff71,
    0x489d_55fe, 0x4e15_56b2, 0xbfea_a0cf, 0x5f19_37be, 0x60b4_ca24, 0x29b4_8346, 0x4a26_14e2,
    0x0eea_3025,
    0xb72d_3b91, 0x3829_0bf1, 0xb28d_7f68, 0x988a_989b, 0xac67_0bdf, 0x70e3_8e22, 0xb154_47bd,
    0x96c2_d4ee,
    0xc64a_92aa, 0x338b_43ec, 0x2e4b_f427, 0xd95b_e774, 0x8c55_8472, 0x98e9_1f69, 0x58b2_638c,
    0x8831_025e,
    0x0724_6a10, 0x46fa_41e2, 0xf272_39de, 0x89ec_f084, 0x292e_3866, 0x157c_f607, 0xa913_a782,
    0x338b_c069,
    0xc7cb_16bc, 0x3a4f_d480, 0x338b_2e5f, 0x8c18_ce05, 0x50d2_acd9, 0xa5c8_719c, 0xa8fd_879d,
    0x2d25_974c,
    0x4558_3d73, 0x2f09_4e0e, 0x753c_905a, 0x7592_e5b5, 0x8fad_802b, 0xa4c1_3898, 0x43c8_56f7,
    0xbbae_c729,
    0x3ac4_7e7b, 0xbc8e_adf7, 0x308b_4e67, 0xa345_db88, 0xac71_8258, 0x1c4d_8cad, 0x9a60_1119,
    0xd556_9223,
    0x8bee_b42f, 0x8290_8f69, 0x638f_1a94, 0x21a0_4a07, 0x018c_8d9d, 0x5b1d_3e4a, 0x6e85_f442,
    0x335b_3bf2,
    0x8670_a48b, 0x895d_b6b1, 0x7a92_cee2, 0x3508_0237, 0x770b_1844, 0x71fa_2c23, 0x91c4_aa47,
    0xa61a_5546,
    0x8e3f_3819,
  ]
}
