// SPDX-License-Identifier: Apache-2.0
// The one place where stb_image and stb_image_write are compiled: PNG and JPEG alone, from and to memory alone.

#include <cstdlib>

// Zeroed memory: stb_image leaves what a damaged JPEG does not fill as malloc gave it, and would hand that out as
// pixels, or decode by Huffman tables that were never sent.
#define STBI_MALLOC(size) std::calloc(1, size)
#define STBI_REALLOC(pointer, size) std::realloc(pointer, size)
#define STBI_FREE(pointer) std::free(pointer)

// One of its assertions fails on a damaged JPEG, which must not end the process; none guards memory.
#define STBI_ASSERT(condition) static_cast<void>(0)

#define STB_IMAGE_IMPLEMENTATION
#define STBI_ONLY_PNG
#define STBI_ONLY_JPEG
#define STBI_NO_STDIO
#include <stb_image.h>

#define STB_IMAGE_WRITE_IMPLEMENTATION
#define STBI_WRITE_NO_STDIO
#include <stb_image_write.h>
