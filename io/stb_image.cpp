// SPDX-License-Identifier: Apache-2.0
// The one place where stb_image is compiled: PNG and JPEG alone, from memory alone.
#define STB_IMAGE_IMPLEMENTATION
#define STBI_ONLY_PNG
#define STBI_ONLY_JPEG
#define STBI_NO_STDIO
#include <stb_image.h>
